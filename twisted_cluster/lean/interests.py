"""
What stream connections want of the kernel, which hears of it later.
"""

from __future__ import annotations

import errno
import select

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.internet.tcp import Connection, Server
from twisted.python import log

IN, OUT = select.EPOLLIN, select.EPOLLOUT


class DeferringReactor(EPollReactor):
    """
    A reactor that tells the kernel what connections want when it is about to wait.

    All that is not a stream socket, such as pipes and ports, is registered as by the
    stock reactor, at once. So are the ends of connections, before they are closed: the
    kernel would not forget one that another process has as well.

    @ivar _changed: Connections of which the kernel has not heard the last, by descriptor:
        what it believes that they want, and whose descriptor it was then. For all others
        it believes L{_told}.
    @ivar _untried: Who wants to write, and has not tried; L{None} for who is at it.
    @ivar _unread: Who has just been accepted.
    @ivar _isStale: Whether the kernel may know a descriptor that was closed behind our
        back, or not know one that is open.
    """

    _changed: dict[int, tuple[int, Connection]]
    _untried: dict[int, Connection | None]
    _unread: dict[int, Connection]
    _isStale: bool

    def __init__(self) -> None:
        self.beginLean()
        super().__init__()

    def beginLean(self) -> None:
        """
        Know nothing that a stock reactor does not. Whatever that has done by then, it
        can become a lean one.
        """
        self._changed, self._untried, self._unread = {}, {}, {}
        self._isStale = False

    def addReader(self, reader: IReadDescriptor) -> None:
        if isinstance(reader, Connection):
            fd = reader.fileno()
            if fd in self._reads:
                return
            if fd >= 0:
                self._note(fd, reader)
                self._reads.add(fd)
                self._selectables[fd] = reader
                if isinstance(reader, Server) and not reader.connected:
                    self._unread[fd] = reader
                return
        self._settleFor(reader)
        super().addReader(reader)

    def addWriter(self, writer: IWriteDescriptor) -> None:
        if isinstance(writer, Connection):
            fd = writer.fileno()
            if fd in self._writes:
                return
            if fd >= 0:
                # One that is being made becomes writable when it is there.
                if not writer.connected or fd in self._changed:
                    self._note(fd, writer)
                if writer.connected:
                    self._untried[fd] = writer
                self._writes.add(fd)
                self._selectables[fd] = writer
                return
        self._settleFor(writer)
        super().addWriter(writer)

    def removeReader(self, reader: IReadDescriptor) -> None:
        if isinstance(reader, Connection):
            fd = reader.fileno()
            if fd in self._reads:
                self._note(fd, reader)
                self._reads.remove(fd)
                self._forget(fd, reader)
                return
            if fd in self._changed:
                self._forget(fd, reader)
                return
            if fd >= 0 and not self._continuousPolling.isReading(reader):
                return
        self._settleFor(reader)
        super().removeReader(reader)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        if isinstance(writer, Connection):
            fd = writer.fileno()
            if fd in self._writes:
                if fd in self._untried:
                    del self._untried[fd]
                else:
                    self._note(fd, writer)
                self._writes.remove(fd)
                self._forget(fd, writer)
                return
            if fd in self._changed:
                self._forget(fd, writer)
                return
            if fd >= 0 and not self._continuousPolling.isWriting(writer):
                return
        self._settleFor(writer)
        super().removeWriter(writer)

    def _forget(self, fd: int, connection: Connection) -> None:
        """
        If a connection wants nothing any more, let it go.
        """
        if fd not in self._reads and fd not in self._writes:
            self._selectables.pop(fd, None)
            if connection.disconnected and fd in self._changed:
                self._settle(fd)

    # What the kernel knows

    def _note(self, fd: int, connection: Connection) -> None:
        """
        What the kernel is to be told of a connection is about to change.
        """
        noted = self._changed.get(fd)
        if noted is not None:
            if noted[1] is connection:
                return
            # The number has been given anew.
            self._settle(fd)
        self._changed[fd] = self._told(fd), connection

    def _told(self, fd: int) -> int:
        """
        @return: What the kernel is to believe of a connection. That it wants to write it
            is told only of who has tried.
        """
        told = IN if fd in self._reads else 0
        return told | OUT if fd in self._writes and fd not in self._untried else told

    def _settleFor(self, selectable: object) -> None:
        """
        What follows is the stock reactor's: it has to find the kernel as it expects.
        """
        if self._changed or self._untried:
            fd = selectable.fileno()  # type: ignore[attr-defined]
            # One that is closed is looked for among all.
            for each in [*self._changed, *self._untried] if fd < 0 else [fd]:
                self._tried(each)
                if each in self._changed:
                    self._settle(each)

    def _tried(self, fd: int) -> None:
        """
        Who has not tried to write is no longer known for that.
        """
        if fd in self._untried:
            connection = self._untried[fd] or self._selectables[fd]
            self._note(fd, connection)
            del self._untried[fd]

    def _settle(self, fd: int) -> None:
        """
        Tell the kernel what a connection wants.
        """
        known, connection = self._changed.pop(fd)
        told = self._told(fd)
        try:
            if not told and known:
                self._poller.unregister(fd)
            elif told and not known:
                self._poller.register(fd, told)
            elif told != known:
                self._poller.modify(fd, told)
        except OSError as error:
            if told:
                self._refuse(fd, connection, error)
            else:
                self._isStale = True

    def _refuse(self, fd: int, connection: Connection, error: OSError) -> None:
        """
        The kernel does not take a connection: the stock reactor would have said so to
        the caller, who is gone by now.
        """
        isRead, isWritten = fd in self._reads, fd in self._writes
        self._reads.discard(fd)
        self._writes.discard(fd)
        self._untried.pop(fd, None)
        self._selectables.pop(fd, None)
        if error.errno == errno.EPERM:
            if isRead:
                self._continuousPolling.addReader(connection)
            if isWritten:
                self._continuousPolling.addWriter(connection)
        else:
            self.callLater(0, self._lose, connection, error)
        # The next wait knows nothing of that.
        self.wakeUp()

    def _lose(self, connection: Connection, error: OSError) -> None:
        log.err(error, system=connection.logPrefix())
        log.callWithLogger(
            connection, self._disconnectSelectable, connection, error, False
        )

    def _tell(self) -> None:
        """
        Tell the kernel what has changed.
        """
        for fd in list(self._changed):
            self._settle(fd)
        if self._isStale:
            self._renew()

    def _renew(self) -> None:
        """
        Have the kernel forget what is closed here, and cannot be named any more.
        """
        try:
            renewed = select.epoll()
        except OSError:
            # No descriptor is free: it is tried again before the next wait.
            return
        self._isStale = False
        former, self._poller = self._poller, renewed
        former.close()
        for fd in self._reads | self._writes:
            told = self._told(fd)
            try:
                if told:
                    self._poller.register(fd, told)
            except OSError as error:
                # Of what was closed behind our back it had heard no more either; of all
                # others it is told again, where it has no memory just now.
                self._isStale |= error.errno in (errno.ENOMEM, errno.ENOSPC)
