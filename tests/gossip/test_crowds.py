"""What is bounded when a crowd comes along, of addresses or of names."""

from __future__ import annotations

import pytest

from gossip import reconnect
from gossip.messages import Join
from tests.gossip.conversation import Conversation, where


def test_more_join_addresses_than_go_on_being_called_are_called_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconnect, "JOINS_MAX", 2)
    talk = Conversation()
    peer = talk.peer("n0", join=[where("n1"), where("n2")])
    puppets = [talk.puppet(f"n{i}") for i in (1, 2, 3)]
    talk.run(0.1)
    peer.join([puppet.address for puppet in puppets], talk.now)
    talk.run(60)
    *kept, further = (len(puppet.heard(Join)) for puppet in puppets)
    assert min(kept) > 50
    assert further == 1
