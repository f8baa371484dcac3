"""
Twisted's epoll reactor with fewer system calls: C{twistd --reactor=lean}.

To everybody else it is the stock one. What connections want is told to the kernel just
before the next wait, so that it need not hear of what is over by then: who has something
to write tries that first, and who has just been accepted is read first.
"""

from __future__ import annotations

import errno
import sys

from twisted.internet import main
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.tcp import Connection
from twisted.python import log

from twisted_cluster.lean.calling import caller
from twisted_cluster.lean.interests import IN, OUT, DeferringReactor

# Seconds after which the kernel is told again what it had no memory for.
STALE_REST = 0.05


class LeanReactor(DeferringReactor):
    """
    A reactor that tells the kernel less.

    @ivar _hasTried: Whether those who had something to try have done so in this turn.
    """

    _hasTried = False

    def doPoll(self, delay: float | None) -> None:
        """
        Serve who is ready.

        @param delay: For how many seconds to wait until somebody is; L{None} for ever.
        """
        if not self._hasTried and (self._unread or self._untried):
            # Who turns the reactor by this alone does without timers, not without us.
            self._tryFirst()
        self._hasTried = False
        if self._changed or self._isStale:
            self._tell()
        if self._untried or self._unread:
            delay = 0
        elif self._isStale:
            # Of some the kernel may have no room to know.
            delay = STALE_REST if delay is None else min(delay, STALE_REST)
        elif delay is None:
            delay = -1
        try:
            ready = self._poller.poll(delay, len(self._selectables))
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        if ready:
            call, selectables, serve = caller(), self._selectables, self._doReadOrWrite
            for fd, event in ready:
                selectable = selectables.get(fd)
                if selectable is not None:
                    call(selectable, serve, fd, event)

    doIteration = doPoll

    def runUntilCurrent(self) -> None:
        # What comes of trying is known before it is asked how long to wait.
        super().runUntilCurrent()
        self._hasTried = True
        if self._unread or self._untried:
            self._tryFirst()
            if self._justStopped or self._newTimedCalls or self.threadCallQueue:
                # What is to be done next is done before anybody is read again: a response
                # that is put off would be lost where the client's end has come by then.
                super().runUntilCurrent()

    def _tryFirst(self) -> None:
        """
        Serve those of whom nobody knows whether they are ready.
        """
        call = caller()
        if self._unread:
            unread, self._unread = self._unread, {}
            for fd, connection in unread.items():
                if fd in self._reads and self._selectables.get(fd) is connection:
                    call(connection, self._doReadOrWrite, fd, IN)
        untried = self._untried
        for fd, writer in list(untried.items()):
            if untried.get(fd, self) is not writer:
                continue
            if writer is not None:
                untried[fd] = None
                call(writer, self._tryToWrite, fd, OUT)
            # Who has written all, and has more by now, is there under its own name.
            if untried.get(fd, self) is None:
                self._tried(fd)

    def _tryToWrite(self, connection: Connection, fd: int, event: int) -> None:
        try:
            why = connection.doWrite()
            if why is CONNECTION_LOST and fd in self._reads:
                # What has come before the end is read first, as it would have been if
                # the kernel had said both.
                connection.doRead()
        except BaseException:
            why = sys.exc_info()[1]
            log.err()
        if why:
            self._disconnectSelectable(connection, why, False)


def install() -> None:
    """
    Install the lean reactor.
    """
    main.installReactor(LeanReactor())
