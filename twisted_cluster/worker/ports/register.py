"""
What this worker listens on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from twisted_cluster.core.messages import Listening, Released
from twisted_cluster.events import ListenSpec
from twisted_cluster.wire.closings import Closings
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.page import Page
from twisted_cluster.worker.control import Control
from twisted_cluster.worker.inquiry import Joined
from twisted_cluster.worker.ports.counted import Endings
from twisted_cluster.worker.ports.given import GivenSockets
from twisted_cluster.worker.ports.meter import Meter
from twisted_cluster.worker.ports.orphans import Orphans


class WorkerPort(Protocol):
    """
    A port of this worker.

    @ivar spec: What was asked for.
    @ivar ordinal: Which of this worker's ports on port 0 it is, from 0.
    @ivar closings: Where it counts what it closes, if anybody looks.
    """

    spec: ListenSpec
    ordinal: int
    closings: Closings | None

    @property
    def hidden(self) -> bool:
        """
        Whether it reads, as far as the application can tell, but not by the reactor.
        """

    def deliver(self, connections: Sequence[Handed]) -> Sequence[Handed]:
        """
        Serve connections; others own what is returned.

        @return: Those that the application did not want after all.
        """

    def limitChanged(self) -> None:
        """
        There may be more room now, or less.
        """

    def release(self) -> None:
        """
        Let nobody in any more.
        """

    def stopReading(self) -> None:
        """
        Take nothing for now.
        """


class Register:
    """
    @ivar control: The primary, which owns what is listened on.
    @ivar page: Where connections are counted.
    @ivar endings: Where the ends of connections are counted, where the primary does.
    @ivar orphans: Lets go of sockets when the primary is gone.
    @ivar given: Sockets of the primary's that this worker was born with.
    @ivar expect: Called before a connection is accepted here.
    @ivar served: Ports of the primary's listeners, by the listener's number.
    @ivar alone: Ports of which the primary knows nothing.
    @ivar meters: What listeners have given this worker, by number, where that is limited.
    @ivar isOpen: Whether this worker takes what it accepts itself of the cluster's ports.
    @ivar ended: Who is to be called when a connection ends.
    @ivar most: How many connections this worker may have, of all that it accepts itself
        and is handed; L{None} is any number, or the primary counts.
    """

    def __init__(
        self,
        control: Control,
        page: Page,
        endings: Endings,
        orphans: Orphans,
        given: GivenSockets,
        expect: Callable[[], None],
    ) -> None:
        self.control = control
        self.page = page
        self.endings = endings
        self.orphans = orphans
        self.given = given
        self.expect = expect
        self.served: dict[int, WorkerPort] = {}
        self.alone: set[WorkerPort] = set()
        self.meters: dict[int, Meter] = {}
        self.ended: list[Callable[[], None]] = []
        self.isOpen = True
        self.most: int | None = None
        self._isOnline = False
        self._unsaid: list[Listening] = []

    @property
    def room(self) -> int | None:
        """
        How many more there may be; L{None} is any number.
        """
        if self.most is None:
            return None
        return max(0, self.most - (self.page.opened - self.page.closed))

    def count(self, number: int, fd: int) -> None:
        """
        Have a port count what it closes.

        @param fd: For L{Closings}.
        """
        port = self.served.get(number)
        if port is not None:
            # Without it the primary sees it a moment later.
            with suppress(OSError, ValueError):
                port.closings = Closings(fd)

    def all(self) -> list[WorkerPort]:
        """
        Every port.
        """
        return [*self.served.values(), *self.alone]

    def listen(
        self, spec: ListenSpec, room: int | None = None, listener: int = 0
    ) -> Joined:
        """
        Have the primary listen, and wait for its answer.

        @param room: How many connections to be given to begin with; L{None} is any
            number.
        @param listener: The number of the one that is meant; 0 if the spec says it.
        @raise OSError: The primary's bind failed, or there is no primary.
        """
        ordinal = self._freeOrdinal(spec) if spec.port == 0 else 0
        return self.control.listen(spec, ordinal, room, listener)

    def leave(self, number: int) -> None:
        """
        Listen there no more, and wait until the primary knows it.
        """
        self.served.pop(number, None)
        self.control.unlisten(number)

    def sayReleased(self, number: int) -> None:
        """
        Tell the primary that this worker, which ends, has let go of a listening socket.
        """
        self.control.say(Released(number))

    def sayListening(self, listening: Listening) -> None:
        """
        Tell the primary that a port is open, as soon as it can be served.
        """
        if self._isOnline:
            self.control.say(listening)
        else:
            self._unsaid.append(listening)

    def takeBack(self, listening: Listening) -> None:
        """
        That port is closed: who has not been told that it was open need not be.
        """
        if listening in self._unsaid:
            self._unsaid.remove(listening)
        else:
            self.control.takeBack(listening)

    def open(self, isOpen: bool) -> None:
        """
        Accept from the cluster's ports, or leave that to others; where the primary
        accepts, it knows.
        """
        self.isOpen = isOpen
        self.limitChanged()

    def limitChanged(self) -> None:
        """
        What may be taken may be more now, or less.
        """
        for port in self.all():
            port.limitChanged()

    def online(self) -> None:
        """
        The application has started: its ports can be served.
        """
        self._isOnline = True
        self.given.warn()
        for listening in self._unsaid:
            self.control.say(listening)
        self._unsaid.clear()

    def _freeOrdinal(self, spec: ListenSpec) -> int:
        taken = [port.ordinal for port in self.served.values() if port.spec == spec]
        return min(set(range(len(taken) + 1)) - set(taken))


class HasRegister(Protocol):
    """
    The cluster reactor, as ports see it.

    @ivar clusterPorts: The ports of this worker.
    """

    clusterPorts: Register
