"""
A template, as the primary has it.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.defaults import APP, START_TIMEOUT, TWISTED
from twisted_cluster.primary.lives.launching import encoded, launching, spawn
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.warm.adopting import adopting, endHolders, isNew
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire import memfd
from twisted_cluster.wire.bootstrap import SCRIPT, TEMPLATE
from twisted_cluster.wire.handoff import KIND
from twisted_cluster.wire.order import BEGIN, LONGEST, ORDER, READY, VARIABLE, Order
from twisted_cluster.wire.reader import Reader

log = Logger()
# Seconds that it may take to import what every worker needs, and an application.
STARTING = {TWISTED: 15.0, APP: START_TIMEOUT}
# Seconds for which this process waits for an answer, which takes 3 ms: who has not
# answered by then does not work, or the machine has too much to do: only if it is so
# again, so many times in a row, the template is at fault.
PATIENCE = 0.5
LATE = 2
TOO_LATE = "it has not answered within {:g} s"
CHANNEL = 3
# For what a script is given that is longer, as ps(1) shows it; longer still is cut there.
ROOM = " " * 256
ENDED = "it has ended"
_CREDENTIALS = struct.Struct("3i")


class Template(ProcessProtocol):
    """
    @ivar isReady: Whether it can fork.
    @ivar since: When it was ready, in seconds of the reactor's clock; L{None}: it never
        was.
    """

    def __init__(
        self,
        reactor: IClusterReactor,
        ready: Callable[[], object],
        gone: Callable[[str, bool], object],
    ) -> None:
        """
        @param ready: Called when it is.
        @param gone: Called when it is, with why, and whether it has said itself that it
            can be none.
        """
        self.isReady = False
        self.since: float | None = None
        self._reactor = reactor
        self._ready = ready
        self._gone = gone
        self._rest = b""
        self._limit = 0.0
        self._late = 0
        self._overdue: IDelayedCall | None = None
        self._channel: socket.socket | None = None
        self._reader = Reader(reactor, self._fileno, self._read, "a template")

    def start(self, recipe: Recipe) -> None:
        """
        Start it, for workers of this recipe.

        @raise OSError: If the system has no room for it, or there is no way to where it
            is to run; nothing is left of it then.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, KIND)
        ours.setblocking(False)
        self._channel = ours
        try:
            with theirs, open(os.devnull, "rb") as nothing:
                fds = {0: nothing.fileno(), 1: "r", 2: "r", CHANNEL: theirs.fileno()}
                self._spawn(recipe, fds)
        except BaseException:
            self.close()
            raise
        self._reader.start()
        self._limit = STARTING[recipe.warm]
        self._overdue = self._reactor.callLater(self._limit, self._hangs, self._limit)

    def _spawn(self, recipe: Recipe, fds: dict[int, Any]) -> None:
        room = [ROOM] if recipe.main == SCRIPT else []
        argv = [os.fsencode(each) for each in [*recipe.argvOf(TEMPLATE), *room]]
        told = {**recipe.variables(), VARIABLE: f"{CHANNEL} {recipe.main} {recipe.warm}"}
        with launching(recipe) as where:
            spawn(self._reactor, self, recipe, argv, encoded(told), where, fds)

    def fork(self, order: Order, place: int, fds: Sequence[int]) -> int:
        """
        Have it fork a worker, which begins now.

        @param place: A descriptor of the directory where that is to run.
        @param fds: What it is to have, as the order says.
        @return: Its number. It is this process's child, and is to be reaped.
        @raise OSError: If it cannot be. Nothing is left of it then.
        """
        if self._channel is None:
            raise OSError(ENDED)
        with ExitStack() as stack:
            ours, theirs = socket.socketpair(socket.AF_UNIX, KIND)
            stack.enter_context(ours)
            stack.enter_context(theirs)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            ours.settimeout(PATIENCE)
            text = memfd.holding(order.dumps())
            stack.callback(os.close, text)
            known = stack.enter_context(adopting())
            sent = [text, theirs.fileno(), place, *fds]
            socket.send_fds(self._channel, [ORDER], sent)
            answerer = os.fstat(theirs.fileno()).st_ino
            theirs.close()
            try:
                said, pid = _answer(ours)
            except TimeoutError:
                endHolders(answerer, self._pid())
                self._late += 1
                if self._late == LATE:
                    self._hangs(PATIENCE)
                raise OSError(TOO_LATE.format(PATIENCE)) from None
            self._late = 0
            if said != READY or not isNew(pid):
                raise OSError(said.decode("utf-8", "replace") or ENDED)
            ours.send(BEGIN)
            known.add(pid)
            return pid

    def wait(self) -> None:
        """
        Wait until it is ready, or gone: for who has nothing else to do.
        """
        if self._channel is not None and not self.isReady:
            # Not select(2), which knows no number above 1023.
            poll = select.poll()
            poll.register(self._channel, select.POLLIN)
            if poll.poll(self._limit * 1000):
                self._read()
            else:
                self._hangs(self._limit)

    def close(self) -> None:
        """
        It is needed no more, and ends, even if it imports something for ever, or somebody
        has stopped it; nobody is told.
        """
        self.isReady = False
        self._isInTime()
        self._reader.stop()
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        transport: Any = self.transport
        if transport is not None:
            with suppress(ProcessExitedAlready):
                transport.signalProcess("KILL")

    def childDataReceived(self, fd: int, data: bytes) -> None:
        """
        Something that it imports has written.
        """
        *lines, self._rest = (self._rest + data)[-LONGEST:].split(b"\n")
        for line in filter(None, lines):
            log.info("template: {text}", text=line.decode("utf-8", "backslashreplace"))

    def processExited(self, reason: Failure) -> None:
        """
        It is gone. What it has said last may be there still.
        """
        self._read()
        self._end(ENDED)

    def _pid(self) -> int:
        transport: Any = self.transport
        return transport.pid or 0

    def _fileno(self) -> int:
        return -1 if self._channel is None else self._channel.fileno()

    def _read(self) -> None:
        if self._channel is None:
            return
        try:
            said = self._channel.recv(LONGEST)
        except BlockingIOError:
            return
        except OSError:
            # It has ended with an order unread.
            said = b""
        if self.isReady and said:
            # It has said all that it says: this is another one, with its descriptor.
            self._end("it has said what no template says")
            return
        if said != READY:
            self._end(said.decode("utf-8", "replace") or ENDED, isUnfit=bool(said))
            return
        self._isInTime()
        self.isReady = True
        self.since = self._reactor.seconds()
        self._ready()

    def _isInTime(self) -> None:
        if self._overdue is not None and self._overdue.active():
            self._overdue.cancel()

    def _hangs(self, seconds: float) -> None:
        self._end(TOO_LATE.format(seconds))

    def _end(self, why: str, isUnfit: bool = False) -> None:
        if self._channel is not None:
            self.close()
            self._gone(why, isUnfit)


def _answer(ours: socket.socket) -> tuple[bytes, int]:
    """
    @return: What was said, and by which process, as the kernel says.
    """
    space = socket.CMSG_SPACE(_CREDENTIALS.size)
    said, more, _, _ = ours.recvmsg(LONGEST, space)
    for level, kind, data in more:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return said, _CREDENTIALS.unpack(data)[0]
    return b"", 0
