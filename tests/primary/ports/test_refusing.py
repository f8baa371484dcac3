"""
Ports that let nobody in any more, and keep who has come.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process.cluster import eventually
from twisted_cluster.primary.ports import refusing
from twisted_cluster.primary.ports.handshakes import areAny
from twisted_cluster.primary.ports.refusing import hasWaiting, refuse

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux can do it")

Make = Callable[..., socket.socket]
# bpf(4): a filter that lets nothing in, and how one is put on a socket and taken off.
NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27


@pytest.fixture
def make() -> Iterator[Make]:
    """
    Makes sockets, which are closed in the end.
    """
    with ExitStack() as stack:
        yield lambda *kind: stack.enter_context(socket.socket(*kind))


def listening(make: Make, family: int, address: str) -> socket.socket:
    """
    One on any port.
    """
    made = make(family)
    made.bind((address, 0))
    made.listen(8)
    return made


def deaf(make: Make, to: socket.socket) -> socket.socket:
    """
    A client that has begun to connect, and hears nothing of the answer until it is let.
    """
    client = make(to.family)
    nothing = ctypes.create_string_buffer(NOTHING)
    program = struct.pack("HP", 1, ctypes.addressof(nothing))
    client.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.connect(to.getsockname())
    return client


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_whoHasConnectedIsKept(make: Make, family: int, address: str) -> None:
    """
    Others are refused at once, as if nobody listened.
    """
    port = listening(make, family, address)
    client = make(family)
    client.connect(port.getsockname())
    assert refuse(port)
    with pytest.raises(ConnectionRefusedError):
        make(family).connect(port.getsockname())
    assert hasWaiting(port)
    served, _ = port.accept()
    with served:
        client.sendall(b"hello")
        assert served.recv(5) == b"hello"
    assert not hasWaiting(port)


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_whoIsAboutToConnectIsKnownAndKept(make: Make, family: int, address: str) -> None:
    """
    The first word of its handshake has come before.
    """
    port = listening(make, family, address)
    other = listening(make, family, address)
    client = deaf(make, port)
    assert areAny(port, port.getsockname()[1])
    assert not areAny(other, other.getsockname()[1])
    assert refuse(port)
    assert not hasWaiting(port)
    client.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
    eventually(lambda: not areAny(port, port.getsockname()[1]), "the handshake is done")
    assert hasWaiting(port)


def test_aSocketThatListensForBothFamiliesIsAskedForBoth(make: Make) -> None:
    """
    The kernel keeps them apart.
    """
    port = make(socket.AF_INET6)
    port.bind(("::", 0))
    port.listen(8)
    client = make(socket.AF_INET)
    client.connect(("127.0.0.1", port.getsockname()[1]))
    assert not areAny(port, port.getsockname()[1])
    assert refuse(port)
    assert hasWaiting(port)


def test_whoHasConnectedToAFileIsKept(make: Make, tmp_path: Path) -> None:
    """
    Others are refused; when all are accepted, accept(2) says that there is nobody left.
    """
    path = str(tmp_path / "socket")
    port = make(socket.AF_UNIX)
    port.bind(path)
    port.listen(8)
    make(socket.AF_UNIX).connect(path)
    assert refuse(port)
    with pytest.raises(ConnectionRefusedError):
        make(socket.AF_UNIX).connect(path)
    port.accept()[0].close()
    with pytest.raises(OSError, match="Invalid argument"):
        port.accept()


def test_whereOthersAcceptAFileIsNotShutDown(make: Make, tmp_path: Path) -> None:
    """
    They would never see an end of who is there to be accepted.
    """
    port = make(socket.AF_UNIX)
    port.bind(str(tmp_path / "socket"))
    port.listen(8)
    assert not refuse(port, mayShutDown=False)
    assert not hasWaiting(port)


def test_anOlderKernelLetsThemIn(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Or another system.
    """
    port = listening(make, socket.AF_INET, "127.0.0.1")
    monkeypatch.setattr(refusing, "SO_BINDTOIFINDEX", 9999)
    assert not refuse(port)
    make(socket.AF_INET).connect(port.getsockname())
    monkeypatch.setattr(refusing.sys, "platform", "darwin")
    assert not refuse(port)
