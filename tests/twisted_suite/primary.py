"""
A primary whose workers are not processes but the reactors of a test run.

The test run starts it with the number of a UNIX socket: C{python -m
tests.twisted_suite.primary 5}. It asks for a worker's wires with L{LINK}, and for the
counts with L{REPORT}.
"""

from __future__ import annotations

import array
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.protocol import ProcessProtocol

from twisted_cluster.core import messages
from twisted_cluster.core.member import Member
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.primary.ports.late import Binding
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.table import ListenerTable
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.descriptors import CONTROL, HANDOFF, MAIL, PAGE
from twisted_cluster.wire.reader import Reader
from twisted_cluster.wire.repeating import Repeating
from twisted_cluster.wire.user import User

LINK = b"link"
REPORT = b"report"
LOOK = 0.005


class CountingTable(ListenerTable):
    """
    @ivar binds: How often a worker was told that it listens.
    """

    binds = 0

    def join(
        self,
        member: Member,
        question: messages.Listen,
        user: User | None = None,
        begun: Binding | None = None,
    ) -> Listener:
        listener = super().join(member, question, user, begun)
        self.binds += 1
        return listener


class NoOutput:
    """
    What a worker with no process writes.
    """

    def __init__(self, reactor: IClusterReactor, said: Said) -> None:
        """
        Nothing is made.
        """

    def childFDs(self) -> dict[int, int | str]:
        """
        Nobody has any.
        """
        return {}

    def spawned(self, process: ProcessProtocol) -> None:
        """
        Nothing was given.
        """

    def received(self, fd: int, data: bytes) -> None:
        """
        Nothing comes.
        """

    def closed(self, fd: int) -> None:
        """
        Nothing is open.
        """

    def outlive(self, ended: Callable[[], None]) -> bool:
        """
        Nobody else has anything.
        """
        return False

    def finish(self) -> None:
        """
        Nothing to end.
        """


class LinkedWorker(WorkerProcess):
    """
    A worker whose wires go to the test run. It is gone when its channel ends.
    """

    def spawn(self) -> None:
        self.life.online()

    def kill(self) -> None:
        self._rooms.reactor.callLater(0, self.life.exited)

    def lost(self) -> None:
        super().lost()
        self.life.exited()


class TestPrimary(Watcher[WorkerProcess]):
    """
    Answers a test run.
    """

    def __init__(self, reactor: Any, rendezvous: socket.socket) -> None:
        self._reactor = reactor
        self._rendezvous = rendezvous
        self._workers: list[LinkedWorker] = []
        made = Rooms.make(reactor, RoundRobin, 0)
        self._table = CountingTable(made.door, RoundRobin)
        self._rooms = evolve(made, listeners=self._table)
        self._look = Repeating(reactor, made.door.look, LOOK, "look")

    def start(self) -> None:
        """
        Begin to serve.
        """
        Reader(self._reactor, self._rendezvous.fileno, self._serve, "tests").start()
        self._look.start()

    def _serve(self) -> None:
        question = self._rendezvous.recv(16)
        if question == LINK:
            self._link()
        elif question == REPORT:
            self._rendezvous.send(self._report())
        else:
            self._table.closeAll()
            self._reactor.stop()

    def _link(self) -> None:
        number = len(self._workers) + 1
        recipe = Recipe((), drainTimeout=1.0, newOutput=NoOutput)
        worker = LinkedWorker(self._rooms, number, number, recipe, self)
        worker.spawn()
        self._workers.append(worker)
        given = worker.kit.wires.childFDs(0)
        ends = array.array("i", [given[wire] for wire in (CONTROL, HANDOFF, MAIL, PAGE)])
        self._rendezvous.sendmsg(
            [b"%d" % worker.number], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, ends)]
        )
        worker.kit.wires.given()

    def gone(self, worker: WorkerProcess, asked: bool) -> None:
        """
        One link of the test run has ended.
        """
        self._table.closeUnused()

    def _report(self) -> bytes:
        connections = sum(worker.hand.page.taken for worker in self._workers)
        return json.dumps(
            {"binds": self._table.binds, "connections": connections}
        ).encode()


def main() -> None:
    """
    Serve until the test run ends.
    """
    os.setsid()
    primary = TestPrimary(reactor, socket.socket(fileno=int(sys.argv[1])))
    primary.start()
    reactor.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
