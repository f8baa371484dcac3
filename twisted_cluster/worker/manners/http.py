"""
How HTTP/1 takes leave: who waits for an answer is told with it that it is the last one,
who only might ask again is not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.interfaces import IReactorTime

from twisted_cluster.worker.manners.parting import Parting, hasUnread, isSending
from twisted_cluster.worker.ports.connections import CountedServer

if TYPE_CHECKING:
    from twisted.web.http import HTTPChannel

# Seconds. A client that asks again and again does so sooner than that, and is then told
# with the answer. What is under way when a connection is closed gets none.
QUIET = 0.2
# Who has just connected is about to ask: a few round trips of a slow network.
FIRST = 2.0
# A client that never waits for an answer before it asks again is told with this one.
MOST_ANSWERS = 100


class HTTPManner:
    """
    Of a channel of L{twisted.web}.
    """

    def __init__(
        self, channel: HTTPChannel, connection: CountedServer, now: float
    ) -> None:
        self._channel: Any = channel
        self._connection = connection
        self._since = now
        self._answers = 0
        self._parting = Parting(connection)
        self._seconds = cast(IReactorTime, connection.reactor).seconds
        self._write: Callable[..., None] = channel.writeHeaders
        channel.writeHeaders = self._writeLast  # type: ignore[method-assign]

    def look(self, now: float) -> None:
        """
        Close the connection if nobody waits for anything.
        """
        if self._parting.hasBegun:
            self._parting.look(now)
        elif self._isIdle() and self._quietFor(now) >= self._patience():
            self._part(now)

    def _isIdle(self) -> bool:
        channel = self._channel
        isAsked = channel.requests or channel._buffer or channel._dataBuffer
        here = self._connection
        return not (isAsked or here.disconnecting or isSending(here) or hasUnread(here))

    def _patience(self) -> float:
        # Set with the first request, and the class's own until then.
        return QUIET if "persistent" in vars(self._channel) else FIRST

    def _quietFor(self, now: float) -> float:
        """
        Since when nothing has been asked or answered, in seconds: the channel's own
        time-out begins with that, if it has one.
        """
        call, length = self._channel._TimeoutMixin__timeoutCall, self._channel.timeOut
        known = -1.0
        if call is not None and length is not None:
            known = self._seconds() - (call.getTime() - length)
        # That is the wall clock, which may have been set back.
        return known if known >= 0 else now - self._since

    def _part(self, now: float) -> None:
        channel = self._channel
        channel.setTimeout(None)
        channel.dataReceived = _ignore
        channel._networkProducer.unregisterProducer()
        self._parting.begin(now)

    def _writeLast(
        self, version: bytes, code: bytes, reason: bytes, headers: Any
    ) -> None:
        isAnswer = not code.startswith(b"1")
        self._answers += isAnswer
        if isAnswer and self._isLast():
            _sayClose(headers)
            self._channel.persistent = False
        self._write(version, code, reason, headers)

    def _isLast(self) -> bool:
        """
        Whether no other request has come already: all those are answered.
        """
        if self._answers >= MOST_ANSWERS:
            return True
        channel = self._channel
        isMore = channel._buffer or any(channel._dataBuffer)
        return not (isMore or hasUnread(self._connection))


def _ignore(data: bytes) -> None:
    pass


def _sayClose(headers: Any) -> None:
    if hasattr(headers, "setRawHeaders"):
        headers.setRawHeaders(b"Connection", [b"close"])
    else:
        # What is older than Twisted's own class.
        headers.append((b"Connection", b"close"))
