"""
Who shares a listener with whom, and what becomes of it.
"""

from __future__ import annotations

import errno
import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.leftovers import openNow
from tests.primary.primary import Primary, connect, portOf, taken
from twisted_cluster.core.messages import GROUP, HANDOFF, SHARED, Listen
from twisted_cluster.events import TCP, UDP, UNIX, ListenSpec
from twisted_cluster.policies import noPolicy
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.ports import listeners as module
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.wire.user import User

LOCAL = "127.0.0.1"


def anyPort(kind: str = TCP, **more: object) -> ListenSpec:
    return ListenSpec(kind, LOCAL, 0, **more)


@pytest.fixture
def fresh() -> Iterator[Primary]:
    """
    A primary whose workers are not replaced, and may listen on its descriptors.
    """
    made = Primary(keep=False, descriptors=range(1 << 31))
    yield made
    made.close()


def test_nthListenOnPortZeroIsShared(primary: Primary) -> None:
    """
    Workers whose ordinals agree share a port; one worker's two are two.
    """
    one, two = primary.newWorker(), primary.newWorker()
    first, second = (primary.join(one, anyPort(), n) for n in (0, 1))
    assert primary.join(two, anyPort(), 0) is first
    assert primary.join(two, anyPort(), 1) is second
    assert portOf(first) != portOf(second)


@pytest.mark.timeout(5)
def test_onePathByTwoNamesIsHeldOnce(primary: Primary, tmp_path: Path) -> None:
    """
    As a port by its number is.
    """
    path = tmp_path / "s"
    held = primary.table.hold(ListenSpec(UNIX, path=str(path)))
    again = primary.table.hold(ListenSpec(UNIX, path=f"{tmp_path}/./s"))
    assert again is held


def test_oneNameIsOneListener(primary: Primary) -> None:
    """
    The name decides on port 0, not the ordinal; another name is another port.
    """
    one, two = primary.newWorker(), primary.newWorker()
    named = primary.join(one, anyPort(name="a"), 0)
    assert primary.join(two, anyPort(name="a"), 3) is named
    assert primary.join(two, anyPort(name="b"), 0) is not named
    with pytest.raises(OSError, match="in use") as caught:
        primary.join(one, anyPort(name="a"), 1)
    assert caught.value.errno == errno.EADDRINUSE


def test_aNumberSaysEnough(primary: Primary) -> None:
    """
    On a fixed port the name makes no difference.
    """
    held = primary.join(primary.newWorker(), anyPort())
    port = portOf(held)
    primary.table.closeAll()
    spec = ListenSpec(TCP, LOCAL, port, name="a")
    first = primary.join(primary.newWorker(), spec)
    assert primary.join(primary.newWorker(), ListenSpec(TCP, LOCAL, port)) is first


@pytest.mark.parametrize("name", ["", "a"])
@pytest.mark.parametrize("kind", [TCP, UDP])
def test_numberThatAnotherWorkerGotFromZero(
    primary: Primary, kind: str, name: str
) -> None:
    """
    Asking for the real port of a listener on port 0 joins that one, once, if all else
    is the same.
    """
    one, two = primary.newWorker(), primary.newWorker()
    listener = primary.join(one, anyPort(kind, name=name))
    fixed = ListenSpec(kind, LOCAL, portOf(listener))
    assert primary.join(two, fixed) is listener
    for worker in (one, two):
        with pytest.raises(OSError, match="in use"):
            primary.join(worker, fixed)
    with pytest.raises(OSError, match="in use"):
        primary.join(primary.newWorker(), ListenSpec(kind, "", portOf(listener)))


def test_allAddressesInTwoSpellings(primary: Primary) -> None:
    """
    No interface, and 0.0.0.0, are the same.
    """
    listener = primary.join(primary.newWorker(), ListenSpec(TCP, "0.0.0.0", 0))
    assert primary.join(primary.newWorker(), ListenSpec(TCP, "", 0)) is listener


def test_ipv6OnlyLeavesThePortToIPv4(primary: Primary) -> None:
    """
    With it an IPv4 port of the same number is free, and it is another listener.
    """
    one = primary.newWorker()
    both = primary.join(one, ListenSpec(TCP, "::", 0))
    only = primary.join(one, ListenSpec(TCP, "::", 0, ipv6Only=True))
    assert both is not only
    four = primary.join(one, ListenSpec(TCP, "", portOf(only)))
    assert four.socket.family == socket.AF_INET
    with pytest.raises(OSError, match="in use"):
        primary.join(one, ListenSpec(TCP, "", portOf(both)))


def test_portWaitsForAReplacement(primary: Primary) -> None:
    """
    A dead worker's port stays bound, until all are up and none wants it.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, anyPort())
    primary.table.forget(worker)
    assert primary.join(primary.newWorker(), anyPort()) is listener
    primary.table.closeUnused()
    assert listener.number in primary.table.byNumber


def test_portGoesWithItsLastUser(fresh: Primary) -> None:
    """
    Where nobody is replaced a port is closed when the last worker there dies, with
    what it held; before that, it is not.
    """
    one, two = fresh.newWorker(), fresh.newWorker()
    listener = fresh.join(one, anyPort())
    fresh.join(two, anyPort())
    with connect(listener, 1)[0] as client:
        fresh.serve(listener)
        fresh.table.forget(one)
        assert listener.number in fresh.table.byNumber
        for worker in (one, two):
            fresh.door.leave(worker)
        for worker in (one, two):
            fresh.door.redirect(worker.takeBack())
        assert len(fresh.gate(listener).room.lines) == 1
        fresh.table.forget(two)
        assert client.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(listener, 1)


def test_portOfTheClusterItselfStays(fresh: Primary) -> None:
    """
    What C{--listen} holds outlives its users even there.
    """
    held = fresh.table.hold(anyPort())
    worker = fresh.newWorker()
    assert fresh.join(worker, anyPort()) is held
    fresh.table.forget(worker)
    assert held.number in fresh.table.byNumber


@pytest.mark.parametrize(
    ("kind", "expected"), [(TCP, HANDOFF), (UNIX, HANDOFF), (UDP, GROUP)]
)
def test_modes(primary: Primary, kind: str, expected: str, tmp_path: Path) -> None:
    """
    With a policy the primary accepts; UDP has a socket for each worker.
    """
    spec = ListenSpec(kind, path=str(tmp_path / "socket"))
    assert primary.join(primary.newWorker(), spec).mode == expected


@pytest.mark.parametrize("kind", [TCP, UNIX, UDP])
def test_withoutAPolicyWorkersShareTheSocket(kind: str, tmp_path: Path) -> None:
    """
    The primary binds, gives everybody the same socket, and does not watch it.
    """
    primary = Primary(noPolicy)
    one, two = primary.newWorker(), primary.newWorker()
    spec = ListenSpec(kind, path=str(tmp_path / "socket"))
    listener = primary.join(one, spec)
    assert primary.join(two, spec) is listener
    assert listener.mode == SHARED
    assert listener.descriptorFor(one) == listener.descriptorFor(two)
    primary.door.look()
    assert primary.reactor.getReaders() == []
    assert primary.door.drainBacklogs()
    primary.close()


def test_anAbsolutePathNeedsNoDirectory(
    primary: Primary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The one that the cluster was started in may be gone.
    """
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    spec = ListenSpec(UNIX, path=str(tmp_path / "socket"))
    held = primary.table.hold(spec)
    assert primary.join(primary.newWorker(), spec) is held


# Descriptors of the primary


def listening() -> socket.socket:
    return socket.create_server((LOCAL, 0))


def test_descriptorOfThePrimary(fresh: Primary) -> None:
    """
    Whoever asks for one number shares one listener, which the original's closing does
    not end.
    """
    one, two = fresh.newWorker(), fresh.newWorker()
    with listening() as theirs:
        spec = ListenSpec(TCP, fd=theirs.fileno())
        listener = fresh.join(one, spec)
    assert fresh.join(two, spec) is listener
    assert listener.spec.fd is not None
    for client in connect(listener, 2):
        client.close()
    assert fresh.serve(listener, 2) == 2


def test_descriptorThatIsAListenerAlready(fresh: Primary) -> None:
    """
    EEXIST: two readers of one socket would each get some of it.
    """
    worker = fresh.newWorker()
    listener = fresh.join(worker, anyPort())
    with pytest.raises(OSError, match="already") as caught:
        fresh.join(worker, ListenSpec(TCP, fd=listener.fileno()))
    assert caught.value.errno == errno.EEXIST


@pytest.mark.parametrize("kind", [TCP, UNIX, UDP])
def test_descriptorThatIsNoPort(fresh: Primary, kind: str) -> None:
    """
    ENOTSOCK for a file, EBADF for nothing, EINVAL for a socket that is not such a port;
    nothing is left open.
    """
    worker = fresh.newWorker()
    stream, datagram = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    pair = socket.socketpair()
    with open(os.devnull) as file, stream, datagram, pair[0], pair[1], listening() as tcp:
        wrong = [stream, datagram, *pair] + ([tcp] if kind != TCP else [])
        # What earlier tests have dropped must not be closed meanwhile.
        gc.collect()
        before = openNow()
        for one in wrong:
            with pytest.raises(OSError, match="is no") as caught:
                fresh.join(worker, ListenSpec(kind, fd=one.fileno()))
            assert caught.value.errno == errno.EINVAL
        with pytest.raises(OSError, match="socket") as caught:
            fresh.join(worker, ListenSpec(kind, fd=file.fileno()))
        assert caught.value.errno == errno.ENOTSOCK
        with pytest.raises(OSError, match="ile descriptor"):
            fresh.join(worker, ListenSpec(kind, fd=9999))
        assert openNow() == before


def test_descriptorsOfUNIXAndUDP(fresh: Primary, tmp_path: Path) -> None:
    """
    These too; the path stays when the listener goes, and UDP is one socket for all.
    """
    path = str(tmp_path / "socket")
    one, two = fresh.newWorker(), fresh.newWorker()
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen()
        listener = fresh.join(one, ListenSpec(UNIX, fd=unix.fileno()))
        fresh.table.leave(one, listener.number)
        assert os.path.exists(path)
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind((LOCAL, 0))
        spec = ListenSpec(UDP, fd=udp.fileno())
        listener = fresh.join(one, spec)
        fresh.join(two, spec)
        assert listener.mode == SHARED
        assert listener.descriptorFor(one) == listener.descriptorFor(two)


def test_descriptorsAreNotForEverybody(primary: Primary) -> None:
    """
    EPERM where the cluster does not allow it.
    """
    with listening() as theirs, pytest.raises(OSError, match="not for workers") as caught:
        primary.join(primary.newWorker(), ListenSpec(TCP, fd=theirs.fileno()))
    assert caught.value.errno == errno.EPERM


# What is on its way when a port closes


def test_connectionInFlightGoesToAnotherUser(primary: Primary) -> None:
    """
    What a worker has been handed by a port that it has closed is given to another.
    """
    one, two = primary.newWorker(), primary.newWorker()
    listener = primary.join(one, anyPort())
    clients = connect(listener, 1)
    primary.serve(listener)
    primary.join(two, anyPort())
    [connection] = taken(one)
    primary.table.leave(one, listener.number)
    primary.door.redirect([connection._replace(bounces=1)])
    [again] = taken(two)
    assert again.name == clients[0].getsockname()
    os.close(again.fd)
    clients[0].close()


def test_connectionInFlightIsClosedWithTheLastUser(primary: Primary) -> None:
    """
    With nobody left the client is told, rather than left to wait.
    """
    one = primary.newWorker()
    listener = primary.join(one, anyPort())
    [client] = connect(listener, 1)
    primary.serve(listener)
    [connection] = taken(one)
    primary.table.leave(one, listener.number)
    primary.door.redirect([connection._replace(bounces=1)])
    with client:
        assert client.recv(1) == b""


def test_portsLeaveDescriptorsToOthers(
    primary: Primary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    One worker may not have so many that nobody else is served, nor another one has any
    port; those that there are may be shared all the same, and there is room again when
    one is closed.
    """
    monkeypatch.setattr(module, "mostPorts", lambda: 4)
    one, two = primary.newWorker(), primary.newWorker()
    ports = [primary.join(one, anyPort(), n) for n in range(3)]
    with pytest.raises(OSError, match="alone has 3 ports") as caught:
        primary.join(one, anyPort(), 3)
    assert caught.value.errno == errno.EMFILE
    primary.join(two, anyPort(), 4)
    assert primary.join(two, anyPort(), 0) is ports[0]
    for worker in (one, two):
        with pytest.raises(OSError, match="has 4 ports") as caught:
            primary.join(worker, anyPort(), 3)
        assert caught.value.errno == errno.EMFILE
    primary.table.leave(one, ports[1].number)
    assert primary.join(one, anyPort(), 3).number > ports[2].number


def test_aSocketsFileTakesADescriptorMore(
    primary: Primary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    For its directory, which is held open: half as many fit.
    """
    monkeypatch.setattr(module, "mostPorts", lambda: 6)
    worker, before = primary.newWorker(), len(openNow())
    for name in ("one", "two"):
        primary.join(worker, ListenSpec(UNIX, path=str(tmp_path / name)))
    assert len(openNow()) == before + 4
    with pytest.raises(OSError, match="this worker alone has"):
        primary.join(worker, anyPort())


def test_allAreClosedWhateverOneRaises(
    primary: Primary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A port that cannot be given up at the door keeps no other one open, nor itself.
    """
    worker = primary.newWorker()
    ports = [primary.join(worker, anyPort(), n) for n in range(3)]
    closing = primary.door.closing

    def failing(listener: Listener) -> None:
        closing(listener)
        if listener is ports[1]:
            raise RuntimeError("a policy's")

    monkeypatch.setattr(primary.door, "closing", failing)
    with pytest.raises(RuntimeError, match="a policy's"):
        primary.table.closeAll()
    assert not primary.table.byNumber
    assert [port.socket.fileno() for port in ports] == [-1, -1, -1]


# Workers of another user

THEM = User(65534, 65534)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
@pytest.mark.parametrize("kind", [TCP, UDP])
def test_anotherUsersPortIsTaken(primary: Primary, kind: str) -> None:
    """
    Whoever of the two was there first; each has its own, with all of its workers, and
    all have what was given to the cluster.
    """
    ours, *theirs = [primary.newWorker() for _ in range(3)]

    def join(worker: Hand, spec: ListenSpec, user: User | None) -> Listener:
        return primary.table.join(worker, Listen(1, spec), user)

    for first, then in ((None, THEM), (THEM, None)):
        held = join(ours, anyPort(kind, name=str(first)), first)
        with pytest.raises(OSError, match="in use: by workers of another user"):
            join(theirs[0], anyPort(kind, name=str(first)), then)
        assert join(theirs[1], anyPort(kind, name=str(first)), first) is held
    given = primary.table.hold(anyPort(kind, name="given"))
    assert join(ours, given.spec, None) is given
    for worker in theirs:
        assert join(worker, given.spec, THEM) is given


def test_whatIsOpenHereIsNotForAnotherUser() -> None:
    """
    But for what a launcher has opened, and what was given by its number.
    """
    with (
        socket.create_server((LOCAL, 0)) as ours,
        socket.create_server((LOCAL, 0)) as opened,
    ):
        number, inherited = ours.fileno(), opened.fileno()
        made = Primary(descriptors=range(1 << 31), inherited={inherited})
        worker, spec = made.newWorker(), ListenSpec(TCP, fd=number)
        with pytest.raises(PermissionError, match="not for workers"):
            made.table.join(worker, Listen(1, spec), THEM)
        made.table.join(worker, Listen(2, ListenSpec(TCP, fd=inherited)), THEM)
        held = made.table.hold(spec)
        assert made.table.join(worker, Listen(3, spec), THEM) is held
        made.close()


def test_whatIsClosedForGoodIsNotOpenedAgain(primary: Primary) -> None:
    """
    Not by a worker that comes late; whoever starts anew may.
    """
    primary.table.hold(anyPort())
    primary.table.closeForGood()
    with pytest.raises(OSError, match="opens no more ports") as refused:
        primary.join(primary.newWorker(), anyPort())
    assert refused.value.errno == errno.ECANCELED
    primary.table.closeAll()
    assert primary.join(primary.newWorker(), anyPort())
