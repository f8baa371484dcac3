"""
What a worker asks the primary, and waits for: a listen is answered when it returns.
"""

from __future__ import annotations

import errno
import time
from collections import deque
from collections.abc import Callable

from attrs import frozen

from twisted_cluster.core.messages import Answer, Message
from twisted_cluster.core.socket_facts import SocketFacts
from twisted_cluster.errors import ChannelFullError
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.outbox import Outbox

# A start or a stop may be that slow on a machine that swaps; a primary that takes longer
# does not answer at all.
ANSWERED_WITHIN = 30.0
# Between two tries that the system has refused, in seconds.
BETWEEN_TRIES = 0.005


@frozen
class Joined:
    """
    A listener that this worker may serve.

    @ivar ordinal: What was asked with.
    @ivar fd: The socket, where this worker is to read it itself; who has this must close
        it.
    @ivar mode: One of L{twisted_cluster.core.messages.MODES}.
    @ivar socket: What the socket says of itself, where only the primary has it.
    @ivar most: How many connections this worker may have, in all, where it accepts from a
        socket of its own; L{None} is any number.
    """

    number: int
    ordinal: int
    fd: int | None
    mode: str
    socket: SocketFacts | None = None
    most: int | None = None


class Inquiry:
    """
    @ivar asked: How many questions there were: the number of the last one.
    @ivar postponed: What came while an answer was waited for, to be received next.
    """

    def __init__(self, channel: Channel, outbox: Outbox) -> None:
        """
        @param outbox: What is to be told before anything is asked.
        """
        self._channel = channel
        self._outbox = outbox
        self.asked = 0
        self.postponed: deque[tuple[Message, int | None]] = deque()

    def ask(
        self, kind: Callable[..., Message], *fields: object
    ) -> tuple[Answer, int | None]:
        """
        Ask, and block until the answer is there.

        @param kind: A message whose first field is the question's number.
        @return: The answer, and the descriptor that came along if one did.
        @raise ChannelClosedError: If the primary is gone.
        @raise TimeoutError: If it does not answer within L{ANSWERED_WITHIN} seconds.
        """
        self.asked += 1
        deadline = time.monotonic() + ANSWERED_WITHIN
        self._send(kind(self.asked, *fields), deadline)
        while time.monotonic() < deadline:
            try:
                message, fd = self._channel.receive()
            except BlockingIOError:
                self._channel.wait(deadline - time.monotonic())
                continue
            except OSError:
                # No memory for it just now: it is still there.
                time.sleep(BETWEEN_TRIES)
                continue
            if isinstance(message, Answer) and message.question == self.asked:
                return message, fd
            self.postponed.append((message, fd))
        raise _overdue()

    def _send(self, message: Message, deadline: float) -> None:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _overdue()
            # A port that was paused, closed and opened again is not paused.
            if self._outbox.flushNow(left) and self._isSent(message):
                return
            # There may be room, but no memory: then there is no waiting for it.
            time.sleep(BETWEEN_TRIES)

    def _isSent(self, message: Message) -> bool:
        try:
            self._channel.send(message)
        except ChannelFullError:
            return False
        return True

    def hasCome(self) -> bool:
        """
        Whether L{receive} would find something, or the end.
        """
        return bool(self.postponed) or self._channel.hasCome()

    def receive(self) -> tuple[Message, int | None]:
        """
        What has come, in order.

        @raise BlockingIOError: If nothing has.
        @raise ChannelClosedError: If the primary is gone.
        @raise MessageError: If what came is no message.
        """
        if self.postponed:
            return self.postponed.popleft()
        return self._channel.receive()


def _overdue() -> TimeoutError:
    return TimeoutError(
        errno.ETIMEDOUT, f"the primary has not answered within {ANSWERED_WITHIN} s"
    )
