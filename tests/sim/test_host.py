"""Simulated machines: what tells them apart."""

from __future__ import annotations

from sim.agenda import SECOND, Agenda
from sim.host import Host


def test_each_host_has_a_monotonic_clock_of_its_own_that_runs_at_the_same_rate() -> None:
    agenda = Agenda()
    first, second = Host(0, 7, agenda), Host(1, 7, agenda)
    assert first.clocks.monotonic() != second.clocks.monotonic()
    before = first.clocks.monotonic()
    agenda.advance(3 * SECOND)
    assert first.clocks.monotonic() == before + 3 * SECOND
    assert first.clocks.virtual(first.clocks.monotonic()) == agenda.now


def test_no_two_hosts_share_a_name_or_an_address() -> None:
    hosts = [Host(index, 7, Agenda()) for index in range(600)]
    assert len({host.address for host in hosts}) == len({host.name for host in hosts}) == 600
    assert str(hosts[0].address) == "10.0.0.1:7847"
    assert hosts[299].address.host == "10.0.1.44"
