"""
A primary for a worker's parts, and what belongs to them.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

from twisted.internet.testing import MemoryReactorClock

from twisted_cluster.core.messages import HANDOFF, Message
from twisted_cluster.events import ListenSpec
from twisted_cluster.primary.ports.saying import factsOf
from twisted_cluster.wire.page import Page
from twisted_cluster.worker.inquiry import Joined
from twisted_cluster.worker.ports.counted import Endings
from twisted_cluster.worker.ports.given import GivenSockets
from twisted_cluster.worker.ports.orphans import Orphans
from twisted_cluster.worker.ports.register import Register


def atOnce(call: Callable[..., object], *given: object) -> None:
    """
    What has threads call something in the reactor's, without any.
    """
    call(*given)


class FakeControl:
    """
    A primary that says yes to everything.

    @ivar said: What it was told of limits.
    @ivar pauses: What it was told of pauses.
    @ivar heard: What else it was told.
    @ivar left: The listeners that are not wanted any more.
    """

    def __init__(self, listening: socket.socket | None = None, mode: str = "") -> None:
        self._listening = listening
        self._mode = mode
        self.said: list[tuple[int, int | None]] = []
        self.pauses: list[tuple[int, bool]] = []
        self.heard: list[Message] = []
        self.left: list[int] = []

    def listen(
        self, spec: ListenSpec, ordinal: int, room: int | None, listener: int = 0
    ) -> Joined:
        if self._listening is None:
            raise OSError(errno.EADDRINUSE, "somebody has it")
        if self._mode == HANDOFF:
            return Joined(1, ordinal, None, self._mode, factsOf(self._listening))
        return Joined(1, ordinal, os.dup(self._listening.fileno()), self._mode)

    def unlisten(self, number: int) -> None:
        self.left.append(number)

    def limit(self, number: int, willing: int | None) -> None:
        self.said.append((number, willing))

    def pause(self, number: int, paused: bool) -> None:
        self.pauses.append((number, paused))

    def say(self, message: Message) -> None:
        self.heard.append(message)

    def takeBack(self, message: Message) -> None:
        """
        It is told already.
        """


class Worker:
    """
    @ivar wire: What ends when the primary does.
    @ivar rooms: How often the primary was told that there is room.
    """

    def __init__(self, control: FakeControl, tallies: int = 0) -> None:
        self.control = control
        self.rooms = 0
        self.wire, self.own = socket.socketpair()
        self.page = Page.create(tallies)
        self.register = Register(
            control,  # type: ignore[arg-type]
            self.page,
            Endings(self.page, self.tellRoom, atOnce),
            Orphans(self.own.fileno),
            GivenSockets(),
            lambda: None,
        )
        self.reactor = MemoryReactorClock()
        self.reactor.clusterPorts = self.register

    def tellRoom(self) -> None:
        """
        There is room for more.
        """
        self.rooms += 1

    def close(self) -> None:
        """
        The end.
        """
        for end in (self.wire, self.own, self.page):
            end.close()
