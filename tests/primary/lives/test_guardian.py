"""
Tests of L{twisted_cluster.primary.lives.guardian} and of the program that it starts.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from twisted_cluster.primary.lives import guarding
from twisted_cluster.primary.lives.guardian import Charge, Guardian, canGuard
from twisted_cluster.primary.lives.guarding import Guard
from twisted_cluster.wire.handoff import KIND

pytestmark = pytest.mark.skipif(not canGuard(), reason="nobody is guarded here")


class Spawning(Clock):
    """
    Keeps what was spawned, with the other end of its channel.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[tuple[ProcessProtocol, int]] = []

    def spawnProcess(self, protocol: ProcessProtocol, *given: object, **fds: Any) -> None:
        """
        Nothing is started.
        """
        self.spawned.append((protocol, os.dup(fds["childFDs"][3])))


def test_thereIsOneAtATime() -> None:
    """
    It has ended, and a worker starts before another one has taken its place: one does,
    and not two. The first one's channel would end with that, and it take workers that are
    served by their primary for orphans.
    """
    reactor = Spawning()
    guardian = Guardian(cast(Any, reactor))
    charge = Charge(os.getpid(), "worker 1", 1.0)
    guardian.add(sys.executable, charge)
    reactor.spawned[0][0].processEnded(Failure(ProcessDone(0)))
    guardian.add(sys.executable, charge)
    reactor.advance(2.0)
    assert len(reactor.spawned) == 2
    with socket.socket(fileno=reactor.spawned[1][1]) as theirs:
        theirs.setblocking(False)
        assert theirs.recv(100)
        with pytest.raises(BlockingIOError):
            theirs.recv(100)
    guardian.rest()
    os.close(reactor.spawned[0][1])


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", ["pipe", "fifo"])
def test_aLogThatNobodyReadsHoldsNothingUp(kind: str, tmp_path: Any) -> None:
    """
    A full pipe, or a FIFO without a reader: what was to be told is lost, and that is all.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    ours, theirs = socket.socketpair(socket.AF_UNIX, KIND)
    log = str(writing) if kind == "pipe" else path
    with ours, theirs:
        Guard(theirs, log, False, True)._say("error", "somebody is killed")
    os.close(reading)
    os.close(writing)


@pytest.fixture
def sleeping() -> Iterator[int]:
    """
    A process that goes on until it is killed.
    """
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as made:
        yield made.pid
        made.kill()


def guardingOf(pid: int, log: Any, *, isForgotten: bool) -> str:
    """
    @return: What a guard tells of a process whose primary ends.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, KIND)
    with theirs:
        guard = Guard(theirs, str(log), False, True)
        with ours:
            guardian = Guardian(cast(Any, Spawning()))
            guardian._channel = ours
            guardian.add(sys.executable, Charge(pid, "worker 1 (7)", 0.5))
            guardian.remove(pid if isForgotten else 0, isLeft=True)
        guard.run()
    return str(log.read_text()) if log.exists() else ""


def test_whoIsLeftBehindIsGuardedNoMore(sleeping: int, tmp_path: Any) -> None:
    """
    It is no orphan when the primary ends.
    """
    assert guardingOf(sleeping, tmp_path / "log", isForgotten=True) == ""


@pytest.mark.timeout(10)
def test_aGuardLeavesWhomTheSystemCannotKill(
    sleeping: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It says so, and ends.
    """
    sent: list[int] = []
    monkeypatch.setattr(guarding, "LAST", 0.2)
    monkeypatch.setattr(
        signal, "pidfd_send_signal", lambda _, number: sent.append(number)
    )
    said = guardingOf(sleeping, tmp_path / "log", isForgotten=False)
    assert sent == [signal.SIGKILL]
    assert said.count("worker 1 (7) cannot be killed: it is left behind") == 1
