"""
A worker's end of the control channel: what it asks of the primary, tells it, and hears.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger

from twisted_cluster.core.allowance import Allowance
from twisted_cluster.core.messages import (
    Answer,
    Closings,
    Limit,
    Listen,
    Message,
    Pause,
    Unlisten,
)
from twisted_cluster.errors import (
    ChannelClosedError,
    ChannelClosedHereError,
    ChannelFullError,
)
from twisted_cluster.events import UNIX, ListenSpec
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.outbox import Outbox
from twisted_cluster.wire.reader import Reader
from twisted_cluster.worker.directory import workingDirectory
from twisted_cluster.worker.inquiry import Inquiry, Joined

log = Logger()
# Messages in one turn of the loop: the application has its turn too, whatever the primary
# sends.
MESSAGES_A_TURN = 64
# Seconds within which a primary that reads has made room for what is told at the end; it
# turns in some milliseconds, and who is connected here waits meanwhile.
LAST_CHANCE = 0.1
# Of what an application may bring about in any number so many messages are told in a
# second, and at once: half of what the primary has time for, to which each is some 50 us.
FREQUENT = 500.0
AT_ONCE = 1000.0


class Control:
    """
    @ivar reader: What the reactor reads.
    """

    def __init__(
        self,
        reactor: IClusterReactor,
        channel: Channel,
        hear: Callable[[Message], None],
        gone: Callable[[], None],
        count: Callable[[int, int], None],
    ) -> None:
        """
        @param hear: Given each message that is no answer.
        @param count: Given the number of a listener, and the descriptor of where what is
            closed there is to be counted, which is closed then.
        @param gone: Called when the primary has closed its end.
        """
        self._reactor = reactor
        self._channel = channel
        self._outbox = Outbox(channel, reactor, Allowance(FREQUENT, AT_ONCE))
        self._inquiry = Inquiry(channel, self._outbox)
        # The numbers of listens whose answers have not come in time.
        self._givenUp: set[int] = set()
        self._hear = hear
        self._gone = gone
        self._count = count
        self._reader = Reader(reactor, channel.fileno, self.read, "the control channel")
        self._reader.start()
        self.reader: IReadDescriptor = self._reader

    # Asking

    def listen(
        self, spec: ListenSpec, ordinal: int, room: int | None, listener: int = 0
    ) -> Joined:
        """
        Ask the primary to listen, and wait for its answer.

        @param ordinal: Which of this worker's listens of its kind it is, from 0.
        @param room: How many connections to be given to begin with; L{None} is any
            number.
        @param listener: The number of the one that is meant; 0 if the spec says it.
        @raise OSError: The primary's bind failed, or it cannot be asked.
        """
        try:
            directory = _directoryFor(spec)
            answer, fd = self._ask(Listen, spec, ordinal, directory, room, listener)
        except ChannelClosedError as error:
            raise _notAsked(error) from error
        except TimeoutError:
            self._givenUp.add(self._inquiry.asked)
            raise
        if fd is None and (answer.errno or answer.socket is None):
            # Without an error there was no number free for the descriptor.
            number = answer.errno or errno.EMFILE
            if not answer.errno:
                self.unlisten(answer.listener)
            raise OSError(number, answer.reason or os.strerror(number))
        most = answer.most
        return Joined(answer.listener, ordinal, fd, answer.mode, answer.socket, most)

    def unlisten(self, number: int) -> None:
        """
        Have the primary close a port, and wait until it has: then it is as free, and
        its file and lock are as gone, as a stock port's would be.
        """
        try:
            self._ask(Unlisten, number)
        except (ChannelClosedError, TimeoutError):
            # It closes what nobody listens on any more.
            pass

    def _ask(
        self, kind: Callable[..., Message], *fields: object
    ) -> tuple[Answer, int | None]:
        try:
            return self._inquiry.ask(kind, *fields)
        finally:
            self._readPostponed()

    # Telling

    def say(self, message: Message) -> None:
        """
        Tell the primary, now or when it has room for it. If it is gone, or this worker
        has closed the channel, nobody is told.
        """
        try:
            self._outbox.say(message)
        except ChannelFullError as error:
            log.error("the primary does not hear {what}: {e}", what=message, e=error)

    def takeBack(self, message: Message) -> None:
        """
        Do not tell the primary what is so no more, if it is not told already.
        """
        self._outbox.takeBack(message)

    def pause(self, number: int, paused: bool) -> None:
        """
        Tell the primary that a port takes nothing for now, or takes again.
        """
        self.say(Pause(number, paused))

    def limit(self, number: int, willing: int | None) -> None:
        """
        Tell the primary how many connections to be given, in all.
        """
        self.say(Limit(number, willing))

    # Hearing

    def readEarlier(self) -> None:
        """
        Read, if something has come.
        """
        if self._inquiry.hasCome():
            self._reader.doRead()

    def read(self) -> None:
        """
        Hear what has come, though not all at once.
        """
        try:
            for _ in range(MESSAGES_A_TURN):
                message, fd = self._inquiry.receive()
                if fd is not None:
                    self._takeAlong(message, fd)
                if isinstance(message, Answer):
                    self._undo(message)
                else:
                    self._hear(message)
        except (BlockingIOError, ChannelClosedHereError):
            return
        except ChannelClosedError:
            self._gone()
            return
        self._readPostponed()

    def _takeAlong(self, message: Message, fd: int) -> None:
        try:
            if isinstance(message, Closings):
                self._count(message.listener, fd)
        finally:
            os.close(fd)

    def _undo(self, answer: Answer) -> None:
        """
        It comes too late: if it is to a listen, nobody listens there.
        """
        if answer.question in self._givenUp:
            self._givenUp.discard(answer.question)
            if not answer.errno:
                self.say(Unlisten(0, answer.listener))

    def _readPostponed(self) -> None:
        if self._inquiry.postponed:
            self._reactor.callFromThread(self._reader.doRead)

    def close(self) -> None:
        """
        Close this end, when what there was no room for has been told, such as that this
        worker leaves; a primary that reads nothing is not waited for.
        """
        self._reader.stop()
        self._outbox.flushNow(LAST_CHANCE)
        self._outbox.close()
        self._channel.close()


def _notAsked(error: ChannelClosedError) -> OSError:
    if isinstance(error, ChannelClosedHereError):
        return OSError(errno.ENOTCONN, f"the primary cannot be asked: {error}")
    return OSError(errno.ECONNRESET, f"the primary is gone: {error}")


def _directoryFor(spec: ListenSpec) -> str:
    """
    @return: What a relative path is relative to; where there is none, nobody asks.
    @raise OSError: If that is gone.
    """
    isRelative = spec.kind == UNIX and spec.path[:1] not in ("/", "\0")
    if spec.fd is not None or not isRelative:
        return "."
    directory = workingDirectory()
    if directory is None:
        why = f"{spec.path} is relative to a directory that has been removed"
        raise OSError(errno.ENOENT, why)
    return directory
