"""
What can be done to a socket that others have too, and how it is undone.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.primary.ports.binds import spread
from tests.process.cluster import eventually
from tests.process.somebody import asRoot
from twisted_cluster.events import TCP, UDP, UNIX, ListenSpec
from twisted_cluster.primary.ports.anew import bindAnew
from twisted_cluster.primary.ports.binding import Bound, bind
from twisted_cluster.primary.ports.group import CLOSELY
from twisted_cluster.primary.ports.groups import DatagramGroup
from twisted_cluster.primary.ports.soundness import (
    BLOCKS,
    LISTS,
    SHUT_DOWN,
    Soundness,
)
from twisted_cluster.wire.aside import Aside

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="as Linux has it")
LOCAL = "127.0.0.1"
NOWHERE = 0x7FFFFFFF
# RET 0: nothing gets through.
NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
DROP_ALL = struct.pack("HxxxxxxP", 1, ctypes.addressof(NOTHING))


@pytest.fixture(params=[TCP, UNIX, UDP])
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bound]:
    """
    A socket that others may have as well.
    """
    interface = "" if request.param == UNIX else LOCAL
    path = str(tmp_path / "port") if request.param == UNIX else ""
    made = bind(ListenSpec(request.param, interface, path=path, backlog=7))
    yield made
    made.release()


def setOption(*option: int | bytes) -> Callable[[socket.socket], None]:
    """
    @return: What sets it.
    """
    return lambda it: it.setsockopt(*option)  # type: ignore[arg-type]


HARM = {
    BLOCKS: lambda it: fcntl.fcntl(it, fcntl.F_SETFL, 0),
    "set a filter on it": setOption(socket.SOL_SOCKET, 26, DROP_ALL),
    "set SO_LINGER": setOption(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    ),
    "set SO_RCVBUF": setOption(socket.SOL_SOCKET, socket.SO_RCVBUF, 1),
    "set SO_MAX_PACING_RATE": setOption(socket.SOL_SOCKET, 47, 1),
    "set SO_RCVTIMEO": setOption(
        socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 0)
    ),
}


@pytest.mark.parametrize("done", HARM)
def test_whatIsDoneToItIsSeenAndUndone(held: Bound, done: str) -> None:
    """
    Whatever kind it is.
    """
    sound = Soundness(held.socket, 7)
    assert sound.lookClosely() == []
    HARM[done](held.socket)
    assert sound.lookClosely() == [done]
    assert sound.mend()
    assert sound.lookClosely() == []


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("SO_RCVLOWAT", (socket.SOL_SOCKET, socket.SO_RCVLOWAT), 1 << 20),
        ("SO_DONTROUTE", (socket.SOL_SOCKET, socket.SO_DONTROUTE), 1),
        ("SO_REUSEADDR", (socket.SOL_SOCKET, socket.SO_REUSEADDR), 0),
        ("TCP_CORK", (socket.IPPROTO_TCP, 3), 1),
        ("TCP_TX_DELAY", (socket.IPPROTO_TCP, 37), 1000),
    ],
)
def test_whatConnectionsHaveFromIt(
    name: str, option: tuple[int, int], value: int
) -> None:
    """
    Such as not to be read before a megabyte has come.
    """
    with bind(ListenSpec(TCP, LOCAL, backlog=7)).socket as held:
        sound = Soundness(held, 7)
        held.setsockopt(*option, value)
        assert sound.lookClosely() == [f"set {name}"]
        assert sound.mend()


@asRoot
def test_whatTakesMemoryIsSeen() -> None:
    """
    Whatever it is: it cannot be asked for, nor undone.
    """
    with bind(ListenSpec(TCP, "::1", backlog=7)).socket as held:
        sound = Soundness(held, 7)
        # A header for each packet, of a family of those that take memory of the socket.
        held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RTHDRDSTOPTS, b"\1" + bytes(7))
        assert sound.lookClosely() == [f"set {LISTS}"]
        assert not sound.mend()


def test_aShortBacklogIsSeen() -> None:
    """
    Where the system says how long it is.
    """
    held = bind(ListenSpec(TCP, LOCAL, backlog=7)).socket
    with held:
        sound = Soundness(held, 7)
        held.listen(0)
        assert sound.lookClosely() == ["changed its backlog"]
        assert sound.mend()


def test_whatIsShutDownListensAgain() -> None:
    """
    The same socket, where the system lets it: who has it can go on.
    """
    held = bind(ListenSpec(TCP, LOCAL)).socket
    with held:
        sound, name = Soundness(held, 50), held.getsockname()
        held.shutdown(socket.SHUT_RDWR)
        assert sound.look() == [SHUT_DOWN]
        assert sound.mend()
        with socket.create_connection(name):
            held.accept()[0].close()


@pytest.mark.parametrize("kind", [TCP, UNIX, UDP])
def test_anotherTakesItsPlace(tmp_path: Path, kind: str) -> None:
    """
    Though others still have the broken one.
    """
    where, user = ("", "port") if kind == UNIX else (LOCAL, "")
    os.chdir(tmp_path)
    old = bind(ListenSpec(kind, where, path=user, backlog=7, mode=0o640), str(tmp_path))
    name, sound = old.socket.getsockname(), Soundness(old.socket, 7)
    others = old.socket.dup()
    sound.retire()
    assert SHUT_DOWN in sound.look()
    new = bindAnew(old, name)
    assert old.socket.fileno() < 0
    assert new.socket.getsockname() == name
    kinds = socket.SOCK_DGRAM if kind == UDP else socket.SOCK_STREAM
    with others, socket.socket(new.socket.family, kinds) as client:
        client.connect(name)
        client.send(b"it")
        assert select.select([new.socket], [], [], 5.0)[0]
    new.release()
    assert not (tmp_path / "port").exists()


def test_aDeviceOfItsOwnIsUndone() -> None:
    """
    Without privileges it cannot be: then there is to be another one.
    """
    held = bind(ListenSpec(TCP, LOCAL)).socket
    with held:
        sound = Soundness(held, 50)
        held.setsockopt(socket.SOL_SOCKET, 62, NOWHERE)
        assert sound.lookClosely() == ["set SO_BINDTODEVICE"]
        assert sound.mend() == (os.getuid() == 0)


def test_oneThatIsConnectedCannotListen() -> None:
    """
    It is of no use any more.
    """
    held = bind(ListenSpec(TCP, LOCAL)).socket
    with held, socket.create_server((LOCAL, 0)) as other:
        sound = Soundness(held, 50)
        held.shutdown(socket.SHUT_RDWR)
        held.connect_ex(other.getsockname())
        other.accept()[0].close()
        assert sound.lookClosely() != []
        assert not sound.mend()


def test_aBrokenMemberOfAGroupGoes() -> None:
    """
    Who takes the place of the worker that has broken it has another, and what would have
    come in by it comes in there, though somebody still has it.
    """
    first = bind(ListenSpec(UDP, LOCAL)).socket
    group = DatagramGroup(first)
    name = first.getsockname()
    for slot in (1, 2, 3):
        group.socketOf(slot, slot)
    assert group.look() == {}
    before = spread(name, group.members)
    broken = group.members[2].dup()
    try:
        broken.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is all the same
    assert group.look() == {2: {2}}
    group.forget(2, 2)
    group.socketOf(2, 4)
    assert group.look() == {}
    eventually(lambda: isConnected(broken), "it is aside")
    assert spread(name, group.members, broken) == before
    broken.close()
    assert spread(name, group.members) == before
    group.close()


def test_aGroupGoesOnWithoutThreads(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where the system has none to spare.
    """
    first = bind(ListenSpec(UDP, LOCAL)).socket
    group = DatagramGroup(first)
    monkeypatch.setattr(threading.Thread, "start", noThread)
    sound = group.socketOf(1, 1)
    with suppress(OSError):
        sound.shutdown(socket.SHUT_RDWR)
    group.forget(1, 1)
    assert group.socketOf(1, 2) is not sound
    assert sound.fileno() == -1
    group.close()


def noThread(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def isConnected(there: socket.socket) -> bool:
    """
    Whether it has a peer.
    """
    try:
        there.getpeername()
    except OSError:
        return False
    return True


def test_noMemberOfAGroupStaysBlocking() -> None:
    """
    Nobody is to wait in it.
    """
    first = bind(ListenSpec(UDP, LOCAL)).socket
    group = DatagramGroup(first)
    group.socketOf(1, 1).setblocking(True)
    assert group.look() == {}
    assert not os.get_blocking(group.members[1].fileno())
    group.close()


def test_whatOthersHadBeforeIsNotItsOwnDoing() -> None:
    """
    A process that one who is gone has started may have its slot's socket still.
    """
    group = DatagramGroup(bind(ListenSpec(UDP, LOCAL)).socket)
    with group.socketOf(1, 1).dup() as left:
        group.forget(1, 1)
        had = group.socketOf(1, 2)
        assert group.look() == {}
        left.connect((LOCAL, 9))
        eventually(lambda: group.look(isServer=True) == {1: {1, 2}}, "it is seen")
        group.renew(1)
        assert group.socketOf(1, 3) is not had
        with suppress(OSError):
            left.shutdown(socket.SHUT_RDWR)
        assert group.look(isServer=True) == {}
    group.close()


def test_whoIsAloneWithASocketMayConnectIt() -> None:
    """
    That is its own affair.
    """
    group = DatagramGroup(bind(ListenSpec(UDP, LOCAL)).socket)
    group.socketOf(1, 1).connect((LOCAL, 9))
    for _ in range(3 * CLOSELY):
        assert group.look(isServer=True) == {}
    group.close()


def test_twoMayLookAtATime() -> None:
    """
    One closely, in a thread, and one again and again.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        sound = Soundness(listening, 100)
        looking = Aside(lambda: [sound.lookClosely() for _ in range(500)])
        while not looking.isDone():
            assert sound.look() == []
        assert not any(looking.result())
