"""
Ports whose users have left, though copies of their sockets may be somewhere.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.primary.primary import Primary, connect, portOf
from twisted_cluster.events import TCP, UDP, UNIX, ListenSpec
from twisted_cluster.policies import noPolicy
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.ports.dispatching import Dispatching

LOCAL = "127.0.0.1"
SPEC = ListenSpec(TCP, LOCAL, 0)
DATAGRAMS = ListenSpec(UDP, LOCAL, 0)
linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux has such groups")


@pytest.fixture
def shared() -> Iterator[Primary]:
    """
    A primary whose workers read one socket, and are not replaced.
    """
    made = Primary(noPolicy, keep=False)
    yield made
    made.close()


@pytest.fixture
def grouped() -> Iterator[Primary]:
    """
    One whose workers have a UDP socket each, which is made when they need it.
    """
    made = Primary(RoundRobin, keep=False, dispatching=Dispatching(places=1 << 20))
    yield made
    made.close()


def test_aPortIsThereWhileAnybodyHasACopy(shared: Primary) -> None:
    """
    Who asks for it gets it, with those who wait there; it is closed when the one that
    has left is gone, if nobody has.
    """
    old = shared.newWorker()
    listener = shared.join(old, SPEC)
    shared.table.retire(old)
    [client] = connect(listener, 1)
    new = shared.newWorker()
    assert shared.join(new, ListenSpec(TCP, LOCAL, portOf(listener))) is listener
    shared.table.forget(old)
    assert listener.socket.accept()[0].getpeername() == client.getsockname()
    shared.table.retire(new)
    shared.table.forget(new)
    with pytest.raises(ConnectionRefusedError):
        connect(listener, 1)
    client.close()


@pytest.mark.parametrize("word", ["released", "leave"])
def test_aWorkerSaysThatItHasNoCopy(shared: Primary, word: str) -> None:
    """
    Then nobody waits for its end.
    """
    worker = shared.newWorker()
    listener = shared.join(worker, SPEC)
    shared.table.retire(worker)
    getattr(shared.table, word)(worker, listener.number)
    assert shared.table.byNumber == {}


def test_whoStaysKeepsItOpen(shared: Primary) -> None:
    """
    Whatever others say.
    """
    one, two = shared.newWorker(), shared.newWorker()
    listener = shared.join(one, SPEC)
    shared.join(two, SPEC)
    for word in (shared.table.retire, shared.table.forget):
        word(one)
    shared.table.released(one, listener.number)
    assert listener.number in shared.table.byNumber
    shared.table.leave(two, listener.number)
    assert shared.table.byNumber == {}


def test_aFilesAddressIsFree(shared: Primary, tmp_path: Path) -> None:
    """
    The file is gone: another one can be made.
    """
    worker, path = shared.newWorker(), tmp_path / "s"
    shared.join(worker, ListenSpec(UNIX, path=str(path)))
    shared.table.retire(worker)
    assert shared.table.byNumber == {}
    assert not path.exists()


def test_whereThePrimaryAcceptsNobodyHasACopy(grouped: Primary) -> None:
    """
    Clients of a port without users are refused.
    """
    worker = grouped.newWorker()
    listener = grouped.join(worker, SPEC)
    grouped.table.retire(worker)
    with pytest.raises(ConnectionRefusedError):
        connect(listener, 1)


@linux
def test_whoDrainsServesDatagramsToTheEnd(grouped: Primary) -> None:
    """
    The one that takes its place has the same port meanwhile.
    """
    old, new = grouped.newWorker(), grouped.newWorker()
    listener = grouped.join(old, DATAGRAMS)
    grouped.table.retire(old)
    spec = ListenSpec(UDP, LOCAL, portOf(listener))
    assert grouped.join(new, spec) is listener
    grouped.table.forget(old)
    grouped.table.leave(new, listener.number)
    assert grouped.table.byNumber == {}


@linux
@pytest.mark.parametrize("isThere", [True, False])
def test_aSocketToBeEmptiedIsTakenBack(grouped: Primary, isThere: bool) -> None:
    """
    From who leaves as well before it has come to that: the address is free then. Who is
    not to be handed anything any more is waited for.
    """
    one, two = grouped.newWorker(), grouped.newWorker()
    listener = grouped.join(one, DATAGRAMS)
    grouped.join(two, DATAGRAMS)
    spec = ListenSpec(UDP, LOCAL, portOf(listener))
    grouped.table.leave(one, listener.number)
    assert two.queue.depth() == 1
    if not isThere:
        grouped.door.leave(two)
    grouped.table.leave(two, listener.number)
    again = grouped.join(one, spec)
    assert (again is listener) is not isThere
    grouped.table.forget(two)


@linux
def test_whatElseWasHandedOverStays(grouped: Primary) -> None:
    """
    In its order.
    """
    one, two = grouped.newWorker(), grouped.newWorker()
    served = grouped.join(two, SPEC)
    listener = grouped.join(one, DATAGRAMS)
    grouped.join(two, DATAGRAMS)
    clients = connect(served, 2)
    grouped.serve(served, 2)
    grouped.table.leave(one, listener.number)
    assert two.queue.depth() == 3
    grouped.table.leave(two, listener.number)
    left = list(two.takeBack())
    names = [socket.socket(fileno=one.fd).getpeername() for one in left]
    assert names == [client.getsockname() for client in clients]
    for client in clients:
        client.close()


def test_whatNobodyHasJoined() -> None:
    """
    Of what the cluster itself holds.
    """
    primary = Primary()
    first, second = (primary.table.hold(SPEC) for _ in range(2))
    worker = primary.newWorker()
    assert primary.join(worker, SPEC) is first
    primary.table.leave(worker, first.number)
    assert primary.table.unjoined() == [second]
    primary.close()
