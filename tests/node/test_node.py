"""A node embedded in a trio program, over real sockets, as the contract shows it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import trio

from crdt import CrdtError
from gossip import Address, MemberFailed, MemberJoined, MemberLeft, MemberSuspected
from node import (
    Config,
    CounterChanged,
    ElementAdded,
    ElementRemoved,
    EntryDeleted,
    EntryPut,
    Lagged,
    Node,
    NodeClosed,
    Snapshot,
    StartError,
    SyncTimeout,
    ValueChanged,
)


def config(name: str, **settings: Any) -> Config:
    defaults = {"bind": "127.0.0.1:0", "secret": "between us", "profile": "local"}
    return Config(name=name, **(defaults | settings))


async def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Return when it holds, and fail when it does not in time."""
    with trio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110  # what real sockets bring has no event to wait for
            await trio.sleep(0.005)


@pytest.fixture
async def three() -> AsyncIterator[tuple[Node, Node, Node]]:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(Node(config("web-1", fault_injection=True)))
        join = [str(one.address)]
        settings = {"join": join, "fault_injection": True}
        two = await stack.enter_async_context(Node(config("web-2", **settings)))
        last = await stack.enter_async_context(Node(config("web-3", **settings)))
        nodes = (one, two, last)
        await until(lambda: all(states(node) == ["alive"] * 3 for node in nodes))
        yield nodes


def states(node: Node) -> list[str]:
    return [member.state for member in node.members()]


async def test_three_nodes_share_what_each_of_them_writes(three: tuple[Node, Node, Node]) -> None:
    one, two, last = three
    one.counter("visits").increment()
    two.set("online").add("alice")
    last.map("config")["theme"] = "dark"
    await last.sync(acks="all", timeout=5.0)
    assert one.map("config")["theme"] == "dark"
    await until(lambda: len({node.digest() for node in three}) == 1)
    assert last.counter("visits").value == 1
    assert "alice" in one.set("online")
    assert one.names() == {"config": "map", "online": "set", "visits": "counter"}
    assert one.names("on") == {"online": "set"}


async def test_a_name_has_one_type(three: tuple[Node, Node, Node]) -> None:
    three[0].counter("visits").increment()
    with pytest.raises(CrdtError, match="'visits' is a counter, not a set"):
        three[0].set("visits")


async def test_members_show_names_addresses_and_tags() -> None:
    async with (
        Node(config("a", tags={"role": "web"})) as a,
        Node(config("b", join=[str(a.address)])) as b,
    ):
        await until(lambda: len(b.members()) == 2)
        seen = b.members()[0]
        assert (seen.name, seen.state, dict(seen.tags)) == ("a", "alive", {"role": "web"})
        assert (seen.address, seen.id) == (a.address, a.id)
        await until(lambda: b.members()[0].rtt is not None)


async def test_a_node_estimates_the_round_trip_of_others(three: tuple[Node, Node, Node]) -> None:
    one = three[0]
    await until(lambda: one.rtt("web-2", "web-3") is not None)
    assert one.rtt("web-1", "web-1") == 0.0
    assert one.rtt("web-1", "nobody") is None
    assert 0 < (one.rtt("web-3", "web-1") or 0.0) < 5.0


async def test_sync_that_cannot_be_reached_says_so_and_keeps_the_write(
    three: tuple[Node, Node, Node],
) -> None:
    one, two, last = three
    one.block([two.address, last.address])
    one.counter("visits").increment()
    with pytest.raises(SyncTimeout) as caught:
        await one.sync(acks="majority", timeout=0.2)
    assert (caught.value.reached, caught.value.wanted) == (1, 2)
    assert one.counter("visits").value == 1
    one.block([])
    await one.sync(acks=3, timeout=10.0)
    assert last.counter("visits").value == 1


async def test_a_node_that_has_not_met_those_it_was_to_join_is_no_majority() -> None:
    async with Node(config("alone", join=["127.0.0.1:9"])) as node:
        node.counter("visits").increment()
        assert not node.converged()
        for acks in ("majority", "all"):
            with pytest.raises(SyncTimeout) as caught:
                await node.sync(acks=acks, timeout=0.05)
            assert (caught.value.reached, caught.value.wanted) == (1, 2)


async def test_sync_returns_after_the_disk_and_the_saving_goes_on(tmp_path: Path) -> None:
    async with Node(config("kept", data_dir=tmp_path)) as node:
        disk = node._disk
        assert disk is not None
        for number in range(1, 6):
            node.counter("visits").increment()
            given = disk._given
            await node.sync(acks=1, timeout=5.0)
            assert disk._saved > given, f"write {number} was not saved"
        node.counter("visits").increment()
        await until(lambda: disk._saved == disk._given > 5)


async def test_a_node_entered_in_a_cancelled_scope_does_not_start() -> None:
    with trio.fail_after(10), trio.move_on_after(0) as scope:
        async with Node(config("never")):
            raise AssertionError("it started")
    assert scope.cancelled_caught


async def test_a_node_that_has_left_takes_no_writes_and_no_readers() -> None:
    async with Node(config("gone")) as node:
        counter = node.counter("visits")
        await node.leave()
        uses: list[Callable[[], object]] = [
            lambda: node.counter("visits"),
            node.watch,
            node.events,
        ]
        for use in uses:
            with pytest.raises(NodeClosed, match="has left"):
                use()
        with pytest.raises(CrdtError, match="has left"):
            counter.increment()
        with pytest.raises(NodeClosed):
            await node.sync(acks=1, timeout=1.0)
        assert states(node) == ["left"]


async def test_failed_members_count_for_a_majority(three: tuple[Node, Node, Node]) -> None:
    one, two, last = three
    one.block([two.address, last.address])
    await until(lambda: states(one) == ["alive", "failed", "failed"])
    with pytest.raises(SyncTimeout):
        await one.sync(acks="majority", timeout=0.1)


async def test_acks_that_make_no_sense_are_refused(three: tuple[Node, Node, Node]) -> None:
    for acks in (0, -1, "most", True):
        with pytest.raises(ValueError, match="acks is a number from 1"):
            await three[0].sync(acks=acks, timeout=1.0)  # type: ignore[arg-type]


async def test_a_cut_is_noticed_and_heals_by_itself(three: tuple[Node, Node, Node]) -> None:
    one, two, last = three
    one.block([two.address, last.address])
    one.set("online").add("left side")
    two.set("online").add("right side")
    await until(lambda: states(two) == ["failed", "alive", "alive"])
    await until(lambda: states(last) == ["failed", "alive", "alive"])
    one.block([])
    await until(lambda: all(states(node) == ["alive"] * 3 for node in three))
    await until(lambda: len({node.digest() for node in three}) == 1)
    assert last.set("online").value == {"left side", "right side"}


async def test_faults_are_off_unless_the_configuration_allows_them() -> None:
    async with Node(config("careful")) as node:
        with pytest.raises(PermissionError, match="fault_injection is off"):
            node.block([Address("127.0.0.1", 1)])


async def test_leaving_the_block_is_a_leave_and_not_a_failure() -> None:
    async with Node(config("stays")) as stays:
        events: list[object] = []

        async def listen(task_status: trio.TaskStatus[None]) -> None:
            task_status.started()
            events.extend([event async for event in stays.events()])

        async with trio.open_nursery() as nursery:
            await nursery.start(listen)
            async with Node(config("goes", join=[str(stays.address)])) as goes:
                await until(lambda: len(stays.members()) == 2)
                goes.counter("last words").increment()
            assert goes.phase == "left"
            await until(lambda: states(stays) == ["left", "alive"])
            assert stays.counter("last words").value == 1
            await stays.leave()
        assert [type(event) for event in events] == [MemberJoined, MemberLeft]


async def test_events_asked_for_before_the_start_are_all(three: tuple[Node, Node, Node]) -> None:
    fourth = Node(config("fourth", join=[str(three[0].address)]))
    events = fourth.events()
    async with fourth:
        await until(lambda: len(fourth.members()) == 4)
        assert isinstance(await anext(events), MemberJoined)


async def test_a_cancelled_node_still_says_goodbye() -> None:
    async with Node(config("stays")) as stays:
        with trio.move_on_after(60) as scope:
            async with Node(config("cancelled", join=[str(stays.address)])):
                await until(lambda: len(stays.members()) == 2)
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
        await until(lambda: states(stays) == ["left", "alive"])


async def test_the_callers_own_error_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with Node(config("careless")):
            raise KeyError("mine")


async def test_an_error_in_a_task_of_the_node_stops_the_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: Node) -> None:
        raise AssertionError("an invariant does not hold")

    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012  # it fails while the body waits
        async with Node(config("broken")):
            monkeypatch.setattr(Node, "_drain", broken)
            await trio.sleep_forever()
    assert caught.group_contains(AssertionError, match="an invariant does not hold")


async def test_a_node_with_another_secret_never_becomes_a_member(
    three: tuple[Node, Node, Node],
) -> None:
    one = three[0]
    before = one.digest()
    stranger = config("stranger", secret="not yours", join=[str(node.address) for node in three])
    async with Node(stranger) as outside:
        outside.counter("visits").increment(1000)
        await until(lambda: one.statistics().dropped.get("unopened", 0) >= 3)
        assert len(outside.members()) == 1
    assert states(one) == ["alive"] * 3
    assert one.digest() == before


async def test_garbage_on_the_socket_is_counted_and_changes_nothing(
    three: tuple[Node, Node, Node],
) -> None:
    one = three[0]
    before = one.digest()
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as sock:
        for garbage in (b"", b"\x00", b"\x01" * 100, b"GET / HTTP/1.1\r\n\r\n" * 9, b"\xff" * 2000):
            await sock.sendto(garbage, tuple(one.address))
    await until(lambda: sum(one.statistics().dropped.values()) >= 5)
    assert one.statistics().dropped == {"size": 3, "unopened": 1, "version": 1}
    assert states(one) == ["alive"] * 3
    assert one.digest() == before


async def test_a_taken_port_is_one_clear_line() -> None:
    async with Node(config("first")) as first:
        with pytest.raises(StartError) as caught:
            async with Node(config("second", bind=str(first.address))):
                pass
    assert "the port is taken" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_restarted_node_has_its_data_its_id_and_its_friends_again(tmp_path: Path) -> None:
    kept = config("kept", data_dir=tmp_path / "kept")
    async with Node(config("friend")) as friend:
        async with Node(kept) as node:
            await node.join([str(friend.address)])
            await until(lambda: len(node.members()) == 2)
            node.counter("visits").increment(3)
            node.set("online").add("alice")
            node.set("online").discard("alice")
            identity, digest = node.id, node.digest()
        friend.counter("visits").increment()
        async with Node(kept) as node:
            assert node.id == identity
            await until(lambda: len(node.members()) == 2)
            await until(lambda: node.counter("visits").value == 4)
            assert node.digest() != digest
            await until(lambda: node.digest() == friend.digest())
            assert states(friend) == ["alive", "alive"]


async def test_one_directory_has_one_node(tmp_path: Path) -> None:
    async with Node(config("first", data_dir=tmp_path)):
        with pytest.raises(StartError, match="another process uses it"):
            async with Node(config("second", data_dir=tmp_path)):
                pass


async def test_a_directory_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StartError, match="cannot be used"):
        async with Node(config("node", data_dir=tmp_path)):
            pass


async def test_a_node_that_does_not_run_says_so() -> None:
    node = Node(config("idle"))
    assert node.phase == "new"
    with pytest.raises(NodeClosed, match="was not started"):
        node.counter("visits")


async def test_an_unreachable_join_address_does_not_keep_a_node_from_running() -> None:
    async with Node(config("hermit", join=["127.0.0.1:9", "no.such.host.invalid:7847"])) as node:
        node.counter("visits").increment()
        await node.sync(acks=1, timeout=1.0)
        assert states(node) == ["alive"]


async def test_watching_begins_with_a_snapshot_and_tells_every_kind_of_change() -> None:
    async with (
        Node(config("a")) as a,
        Node(config("b", join=[str(a.address)])) as b,
    ):
        a.map("config")["theme"] = "dark"
        seen = []
        async for change in a.watch("config"):
            seen.append(change)
            if len(seen) == 1:
                b.map("config")["size"] = [1, 2]
            elif len(seen) == 2:
                del a.map("config")["theme"]
                a.counter("visits").increment()  # not watched
                a.counter("config/visits").increment(2)
                a.set("config/online").add("alice")
            elif len(seen) == 5:
                a.set("config/online").remove("alice")
            elif len(seen) == 6:
                break
        assert seen == [
            Snapshot({"config": {"theme": "dark"}}),
            EntryPut("config", "size", [1, 2]),
            EntryDeleted("config", "theme"),
            CounterChanged("config/visits", 2),
            ElementAdded("config/online", "alice"),
            ElementRemoved("config/online", "alice"),
        ]


async def test_a_slow_reader_is_told_that_it_lagged_and_gets_a_fresh_snapshot() -> None:
    async with Node(config("busy")) as node:
        seen = []
        async for change in node.watch():
            seen.append(change)
            if len(seen) == 1:
                for number in range(5000):
                    node.map("config")[f"{number:04}"] = number
            if len(seen) == 3:
                break
        assert seen[0] == Snapshot({})
        assert seen[1] == Lagged(5000)
        assert seen[2] == Snapshot({"config": {f"{n:04}": n for n in range(5000)}})


async def test_every_type_is_held_replicated_and_watched() -> None:
    async with (
        Node(config("a")) as a,
        Node(config("b", join=[str(a.address)])) as b,
    ):
        watch = b.watch("all/")
        assert await anext(watch) == Snapshot({})
        a.bounded("all/stock").increment(3)
        a.register("all/register").set([1])
        a.mvregister("all/values").set("x")
        a.flag("all/flag").enable()
        cart = a.ormap("all/carts").map("ann")
        cart.counter("milk").increment(2)
        cart.set("tags").add("weekly")
        expected = {
            "all/stock": 3,
            "all/register": [1],
            "all/values": ["x"],
            "all/flag": True,
            "all/carts": {"ann": {"milk": 2, "tags": {"weekly"}}},
        }
        told: dict[str, object] = {}
        while told != expected:
            change = await anext(watch)
            assert isinstance(change, CounterChanged | ValueChanged)
            assert isinstance(change, CounterChanged) is (change.name == "all/stock")
            told[change.name] = change.value
        assert b.names("all/") == {
            "all/carts": "ormap",
            "all/flag": "flag",
            "all/register": "register",
            "all/stock": "bounded",
            "all/values": "mvregister",
        }
        await until(lambda: a.digest() == b.digest())
        b.ormap("all/carts").delete("ann")
        b.flag("all/flag").disable()
        await until(lambda: a.digest() == b.digest())
        assert a.ormap("all/carts").value == {}
        assert a.flag("all/flag").value is False
        with pytest.raises(CrdtError, match="is a register, not a flag"):
            a.flag("all/register")


async def test_a_watch_ends_with_an_error_when_the_node_leaves() -> None:
    async with Node(config("short")) as node:
        watch = node.watch()
        assert await anext(watch) == Snapshot({})
        await node.leave()
        with pytest.raises(NodeClosed, match="has left"):
            await anext(watch)


async def test_a_killed_socket_is_seen_as_failed_and_not_as_left(
    three: tuple[Node, Node, Node],
) -> None:
    one, two, last = three
    events = two.events()
    one.block([two.address, last.address])
    with trio.fail_after(20):
        async for event in events:
            assert isinstance(event, MemberSuspected | MemberFailed)
            assert event.member.name == "web-1"
            if isinstance(event, MemberFailed):
                break
