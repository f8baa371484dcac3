"""
What a whole process does for a cluster.
"""

from __future__ import annotations

import errno
import io
import socket
import sys
from collections.abc import Iterator

import pytest
from twisted.application import app
from twisted.internet.testing import MemoryReactorClock

from twisted_cluster import ClusterConfig
from twisted_cluster.command import CommandService, ExitStatus
from twisted_cluster.errors import StartError
from twisted_cluster.primary.service import ClusterService


@pytest.fixture
def taken() -> Iterator[int]:
    """
    A port that somebody has.
    """
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def configFor(port: int) -> ClusterConfig:
    """
    A cluster on a port of 127.0.0.1.
    """
    listen = f"tcp:{port}:interface=127.0.0.1"
    return ClusterConfig.forApp("mod.factory", listen=listen, workers=1)


def test_twistdExitsWithTheStatus() -> None:
    """
    Where it would end by a signal.
    """
    with pytest.raises(SystemExit) as caught:
        app._exitWithSignal(ExitStatus(1))
    assert caught.value.code == 1


def test_aServiceThatCannotBindSaysSoToItsHost(taken: int) -> None:
    """
    As any port would.
    """
    service = ClusterService(MemoryReactorClock(), configFor(taken))
    with pytest.raises(OSError, match="Address already in use") as caught:
        service.privilegedStartService()
    assert caught.value.errno == errno.EADDRINUSE
    assert caught.value.filename == f"tcp:{taken}:interface=127.0.0.1"


def test_aCommandThatCannotBindSaysSoToThePerson(taken: int) -> None:
    """
    In one line.
    """
    service = CommandService(MemoryReactorClock(), configFor(taken))
    said = f"twistd cluster: cannot listen on tcp:{taken}:interface=127.0.0.1: "
    with pytest.raises(StartError, match=said):
        service.privilegedStartService()


class Gone(io.StringIO):
    """
    A pipe that nobody reads any more.
    """

    def write(self, text: str) -> int:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_itEndsThoughNobodyReadsWhy(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Who was to read it may be gone: the log has it all the same.
    """
    reactor = MemoryReactorClock()
    service = CommandService(reactor, configFor(0))
    monkeypatch.setattr(sys, "__stderr__", Gone())
    service._fail(["no such module"])
    (stop,) = reactor.whenRunningHooks
    assert stop[1] == (reactor,)
    with pytest.raises(SystemExit):
        service._status.__index__()  # type: ignore[union-attr]


def test_aLimitThatCannotBeRaisedIsNoEnd(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    fs.nr_open may be lower than the hard limit.
    """

    def refuse(kind: int, limits: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr("resource.setrlimit", refuse)
    service = CommandService(MemoryReactorClock(), configFor(0))
    service.privilegedStartService()
    assert len(service.rooms.listeners.byNumber) == 1
    service.rooms.listeners.closeAll()
