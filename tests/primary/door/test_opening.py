"""
A port whose policy cannot be had.
"""

from __future__ import annotations

import pytest

from tests.primary.primary import Primary, connect, taken
from twisted_cluster.events import TCP, ListenSpec
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.wire.closing import discard

SPEC = ListenSpec(TCP, "127.0.0.1")


def fail() -> RoundRobin:
    raise ValueError("no policy")


def test_nothingIsLeftOfAPortThatIsNotOpened() -> None:
    """
    While a generation has its share, which needs one more policy.
    """
    primary = Primary()
    worker = primary.newWorker()
    primary.door.share(1, 0.5, fail)
    with pytest.raises(ValueError, match="no policy"):
        primary.join(worker, SPEC)
    assert primary.door.gates == {}
    primary.door.look()
    primary.close()


def test_aPortWhosePolicyIsNotChangedServesOn() -> None:
    """
    As it was.
    """
    primary = Primary()
    worker = primary.newWorker()
    listener = primary.join(worker, SPEC)
    before = listener.policy
    primary.door._share = lambda gate: gate.share(1, 0.5, fail())
    with pytest.raises(ValueError, match="no policy"):
        primary.table.choose(listener, RoundRobin())
    assert listener.policy is before
    clients = connect(listener, 1)
    assert primary.serve(listener) == 1
    discard(one.fd for one in taken(worker))
    for client in clients:
        client.close()
    primary.close()
