"""
Tests of L{twisted_cluster.primary.lives.guardian} and of the program that it starts.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from typing import Any, cast

import pytest
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

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
