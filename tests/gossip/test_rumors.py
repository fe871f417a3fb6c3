"""News: the least sent first, each a limited number of times; of a suspect one per accuser."""

from __future__ import annotations

from gossip.members.rumors import Rumors


def test_each_rumor_is_taken_so_many_times_and_then_gone() -> None:
    rumors = Rumors()
    rumors.spread("a", b"a is alive")
    assert [rumors.take(100, 3) for _ in range(4)] == [[b"a is alive"]] * 3 + [[]]
    assert not rumors


def test_the_least_sent_go_first_and_all_come_round() -> None:
    rumors = Rumors()
    for name in "abc":
        rumors.spread(name, name.encode())
    assert rumors.take(2, 9) == [b"a", b"b"]
    rumors.spread("d", b"d")
    assert rumors.take(2, 9) == [b"c", b"d"]
    assert rumors.take(4, 9) == [b"a", b"b", b"c", b"d"]


def test_a_newer_claim_takes_the_place_of_an_older_one_and_starts_anew() -> None:
    rumors = Rumors()
    rumors.spread("a", b"suspect")
    rumors.take(100, 2)
    rumors.spread("a", b"alive")
    assert len(rumors) == 1
    assert [rumors.take(100, 2) for _ in range(3)] == [[b"alive"], [b"alive"], []]


def test_what_does_not_fit_waits_and_keeps_back_nothing_else() -> None:
    rumors = Rumors()
    rumors.spread("large", b"x" * 50)
    rumors.spread("small", b"y")
    assert rumors.take(-5, 1) == []
    assert rumors.take(49, 2) == [b"y"]
    assert len(rumors) == 2
    assert rumors.take(51, 2) == [b"x" * 50, b"y"]
    assert rumors.take(50, 2) == [b"x" * 50]
    assert not rumors


def test_under_a_constant_stream_of_news_every_rumor_still_leaves() -> None:
    rumors, left = Rumors(), set[bytes]()
    for number in range(500):
        for fresh in range(2):
            name = f"{number:04}-{fresh}"
            rumors.spread(name, name.encode())
        left.update(rumors.take(24, 4))
    assert len(left) == 1000


def test_what_several_say_of_a_suspect_goes_side_by_side_until_it_refutes() -> None:
    rumors = Rumors()
    rumors.spread("a", b"sue says")
    rumors.add("a", "ann", b"ann says")
    rumors.add("a", "bob", b"bob says")
    assert rumors.take(100, 9) == [b"sue says", b"ann says", b"bob says"]
    rumors.add("a", "ann", b"ann knows more")
    assert rumors.take(100, 9) == [b"ann knows more", b"sue says", b"bob says"]
    rumors.spread("a", b"a is alive")
    assert [rumors.take(100, 2) for _ in range(3)] == [[b"a is alive"], [b"a is alive"], []]
    assert rumors._places == {}


def test_one_accuser_may_be_used_up_before_another() -> None:
    rumors = Rumors()
    rumors.spread("a", b"1")
    rumors.take(9, 2)
    rumors.add("a", "ann", b"2")
    assert rumors.take(9, 2) == [b"2", b"1"]
    assert rumors.take(9, 2) == [b"2"]
    assert rumors._places == {}
