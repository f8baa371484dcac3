"""
A primary whose workers are not processes but the reactors of a test run.

The test run starts it with the number of a UNIX socket and of the scoreboard's
descriptor: C{python -m tests.twisted_suite.primary 5 6}. It asks for a worker's wires
with L{LINK}, and for the counts with L{REPORT}.
"""

from __future__ import annotations

import array
import json
import os
import socket
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import LoopingCall

from twisted_cluster.core import messages
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.ground import Ground
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.primary.lives.worker_process import WorkerProcess
from twisted_cluster.wire.reader import Reader
from twisted_cluster.wire.scoreboard import Scoreboard

LINK = b"link"
REPORT = b"report"
LOOK = 0.005


class NoOutput:
    """
    What a worker with no process writes.
    """

    def release(self) -> None:
        """
        Nothing to show.
        """

    def finish(self) -> None:
        """
        Nothing to end.
        """


class LinkedWorker(WorkerProcess):
    """
    A worker whose wires go to the test run. It is gone when its channel ends.

    @ivar binds: How often it was told that it listens.
    @ivar theirs: The ends that the test run is to get, until they are sent.
    """

    binds = 0

    def spawn(self) -> None:
        self.theirs = self._makeWires()
        self.output = NoOutput()  # type: ignore[assignment]
        self.life.online()

    def kill(self) -> None:
        self._reactor.callLater(0, self.life.exited)

    def _readMessages(self) -> None:
        super()._readMessages()
        if not self.isConnected:
            self.life.exited()

    def _answer(self, answer: messages.Answer, *fds: int) -> None:
        self.binds += len(fds)
        super()._answer(answer, *fds)


class TestPrimary(Watcher):
    """
    Answers a test run.
    """

    def __init__(
        self, reactor: Any, rendezvous: socket.socket, board: Scoreboard
    ) -> None:
        self._reactor = reactor
        self._rendezvous = rendezvous
        self._workers: list[LinkedWorker] = []
        self._ground = Ground(reactor, RoundRobin, 0, 0)
        self._ground.scoreboard = board
        self._look = LoopingCall(self._ground.dispatcher.look)

    def start(self) -> None:
        """
        Begin to serve.
        """
        self._reactor.addReader(Reader(self._rendezvous.fileno, self._serve))
        self._look.start(LOOK)

    def _serve(self) -> None:
        question = self._rendezvous.recv(16)
        if question == LINK:
            self._link()
        elif question == REPORT:
            self._rendezvous.send(self._report())
        else:
            self._ground.listeners.closeAll()
            self._reactor.stop()

    def _link(self) -> None:
        number = len(self._workers) + 1
        recipe = Recipe((), drainTimeout=1.0)
        worker = LinkedWorker(self._ground, number, number, recipe, self)
        worker.spawn()
        self._workers.append(worker)
        channel, queue, _, mail = worker.theirs
        ends = array.array("i", [channel.fileno(), queue.fileno(), mail.fileno()])
        self._rendezvous.sendmsg(
            [b"%d" % worker.number], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, ends)]
        )
        channel.close()
        mail.close()

    def gone(self, worker: WorkerProcess, asked: bool) -> None:
        """
        One link of the test run has ended.
        """
        self._ground.listeners.closeUnused()

    def _report(self) -> bytes:
        binds = sum(worker.binds for worker in self._workers)
        connections = sum(worker.handle.row.taken for worker in self._workers)
        return json.dumps({"binds": binds, "connections": connections}).encode()


def main() -> None:
    """
    Serve until the test run ends.
    """
    rendezvous, board = map(int, sys.argv[1:])
    os.setsid()
    primary = TestPrimary(
        reactor, socket.socket(fileno=rendezvous), Scoreboard.inherit(board)
    )
    primary.start()
    reactor.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
