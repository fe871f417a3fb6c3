"""Tags that change while a member runs: one change for one moment, and nothing by halves."""

from __future__ import annotations

import pytest

from gossip.member import MAX_TAGS_BYTES
from tests.gossip.conversation import Conversation


def seen(talk: Conversation, by: str, of: str) -> dict[str, str]:
    return next(dict(m.tags) for m in talk.peers[by].members() if m.name == of)


def test_the_others_see_new_tags_and_are_told() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    peers[0].set_tags({"role": "web"}, talk.now)
    talk._plan_wake(peers[0])
    assert peers[0].tags == {"role": "web"}
    talk.until(lambda: all(seen(talk, f"n{i}", "n0") == {"role": "web"} for i in range(3)), 3)
    assert sorted(who for _, who, _, _ in talk.told("MemberUpdated", "n0")) == ["n1", "n2"]
    talk.until(talk.settled, 10)


def test_several_changes_at_one_moment_are_one() -> None:
    talk = Conversation()
    peers = talk.cluster(2)
    for number in range(5):
        peers[0].set_tags({"n": f"{number}"}, talk.now)
        assert peers[0].tags == {"n": f"{number}"}
    talk._plan_wake(peers[0])
    talk.run(2)
    assert len(talk.told("MemberUpdated", "n0")) == 1
    assert [member.incarnation for member in peers[1].members()] == [1, 0]
    assert seen(talk, "n1", "n0") == {"n": "4"}


def test_the_same_tags_are_no_news() -> None:
    talk = Conversation()
    peer = talk.peer("n0", tags={"a": "1"})
    talk.run(1)
    peer.set_tags({"a": "1"}, talk.now)
    talk._plan_wake(peer)
    talk.run(1)
    assert peer.members()[0].incarnation == 0


@pytest.mark.parametrize(
    "tags", [{"k": "v" * MAX_TAGS_BYTES}, {f"{n}": "" for n in range(257)}, {"k": "\ud800"}]
)
def test_what_cannot_be_carried_is_refused_and_nothing_changes(tags: dict[str, str]) -> None:
    talk = Conversation()
    peer = talk.peer("n0", tags={"a": "1"})
    with pytest.raises(ValueError):  # noqa: PT011  # the text differs, the refusal does not
        peer.set_tags(tags, talk.now)
    talk.run(1)
    assert peer.tags == {"a": "1"}
    assert peer.members()[0].incarnation == 0


def test_who_is_refuting_keeps_the_new_tags() -> None:
    talk = Conversation()
    peers = talk.cluster(2)
    peers[0].set_tags({"role": "web"}, talk.now)
    talk._plan_wake(peers[0])
    talk.run(2)
    accused = peers[1]._membership.get("n0")
    assert accused is not None
    peers[1]._membership.accuse(accused, talk.now, refused=False)
    said = peers[1]._membership.get("n0")
    assert said is not None
    peers[0]._membership.apply(said, talk.now)
    talk.run(2)
    assert [m.incarnation for m in peers[1].members()] == [2, 0]
    assert seen(talk, "n1", "n0") == {"role": "web"}


def test_who_has_said_goodbye_changes_nothing() -> None:
    talk = Conversation()
    peers = talk.cluster(2)
    talk.cut(["n0"], ["n1"])  # so that the goodbye is not answered, and takes its time
    talk.leave(peers[0])
    assert peers[0].phase == "leaving"
    peers[0].set_tags({"role": "db"}, talk.now)
    talk._plan_wake(peers[0])
    talk.run(1)
    assert peers[0].phase == "leaving"
    (me, _) = peers[0].members()
    assert (me.state, me.incarnation, dict(me.tags)) == ("left", 0, {})
