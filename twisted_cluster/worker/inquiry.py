"""
What a worker asks the primary, and waits for: a listen is answered when it returns.
"""

from __future__ import annotations

import errno
import time
from collections import deque
from typing import Any

from attrs import frozen

from twisted_cluster.core.messages import Answer, Message
from twisted_cluster.wire.channel import Channel

PATIENCE = 30.0


@frozen
class Joined:
    """
    A listener that this worker may serve.

    @ivar ordinal: What was asked with.
    @ivar fd: The listening socket; who has this must close it.
    @ivar mode: One of L{twisted_cluster.core.messages.MODES}.
    """

    number: int
    ordinal: int
    fd: int
    mode: str


class Inquiry:
    """
    @ivar postponed: What came while an answer was waited for, to be received next.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._count = 0
        self.postponed: deque[tuple[Message, int | None]] = deque()

    def ask(self, kind: Any, *fields: Any) -> tuple[Answer, int | None]:
        """
        Ask, and block until the answer is there.

        @param kind: A message whose first field is the question's number.
        @return: The answer, and the descriptor that came along if one did.
        @raise ChannelClosedError: If the primary is gone.
        @raise TimeoutError: If it does not answer within L{PATIENCE} seconds.
        """
        self._count += 1
        self._channel.send(kind(self._count, *fields))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                message, fd = self._channel.receive()
            except BlockingIOError:
                self._channel.wait(deadline - time.monotonic())
                continue
            if isinstance(message, Answer) and message.question == self._count:
                return message, fd
            self.postponed.append((message, fd))
        raise TimeoutError(
            errno.ETIMEDOUT, f"the primary has not answered within {PATIENCE} s"
        )

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
