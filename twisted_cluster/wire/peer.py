"""
The process at the other end of a mail stream: messages, questions, answers.

Both kinds of process use it: the primary has one per worker, a worker has one.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from inspect import iscoroutine
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.core import frames
from twisted_cluster.core.codecs import Codec, codecOf
from twisted_cluster.core.frames import HANDLE, Frame
from twisted_cluster.core.topics import Subscriptions
from twisted_cluster.errors import (
    AskFailedError,
    AskTimeoutError,
    ChannelClosedError,
    ClusterError,
    HandleError,
    MessageError,
)
from twisted_cluster.wire.handles import Gift, Handle, prepare, received
from twisted_cluster.wire.mail import Mail

log = Logger()

# What may wait for a listener: more is left with its sender.
UNHEARD = 1 << 24
UNHEARD_COUNT = 10_000
UNANSWERED = 10_000


@define
class Ears:
    """
    Who hears what the other process says. Messages and questions wait for somebody who
    hears them: for C{message} or C{ask} to be something else than L{None}.

    @ivar message: Given a message, and the handle that came with it or L{None}.
    @ivar ask: Given a question; its result, or what a Deferred or coroutine that it
        returns gives, is the answer.
    @ivar topic: Given each frame that is about a topic.
    @ivar before: Called before frames that have come are looked at.
    @ivar closed: Called once, when the other process is gone, or has broken the rules
        (L{MessageError}).
    """

    topic: Callable[[Frame], None]
    closed: Callable[[Exception], None]
    before: Callable[[], None] = lambda: None
    message: Callable[[Any, Handle | None], None] | None = None
    ask: Callable[[Any], Any] | None = None


class Peer:
    """
    @ivar ears: Who hears it; call L{listen} after a change.
    @ivar isOpen: Whether it can be sent anything.
    """

    def __init__(
        self, reactor: Any, end: socket.socket, codec: Codec, ears: Ears
    ) -> None:
        """
        @param codec: How what is sent is encoded.
        """
        self._reactor = reactor
        self._codec = codec
        self.ears = ears
        self.isOpen = True
        self.mail = Mail(reactor, end, self._take, self._lost)
        self._questions: dict[int, tuple[Deferred[Any], Any]] = {}
        self._asked = 0
        self._answering = 0
        self._unheard: deque[tuple[Frame, int | None]] = deque()
        self._unheardSize = 0
        self._paused = False

    # Sending

    def send(
        self, message: object, handle: Any, unread: bytes, keepOpen: bool
    ) -> Deferred[None]:
        """
        @see: L{twisted_cluster.api.workers.BaseWorker.send}
        """
        body = self._codec.encode(message)
        if handle is None:
            return self.mail.send(
                Frame(frames.MESSAGE, self._codec.flag, body=body)
            )
        ready = prepare(handle, keepOpen)
        frame = Frame(frames.MESSAGE, self._codec.flag | HANDLE, 0, unread, body)
        return ready.addCallback(self._give, frame)

    def _give(self, gift: Gift, frame: Frame) -> Deferred[None]:
        def keep(failure: Failure) -> Failure:
            gift.kept()
            return failure

        sent = self.mail.send(frame, gift.fileno)
        return sent.addCallbacks(lambda _: gift.given(), keep)

    def ask(self, message: object, timeout: float) -> Deferred[Any]:
        """
        @see: L{twisted_cluster.api.workers.BaseWorker.ask}
        """
        body = self._codec.encode(message)
        self._asked += 1
        number = self._asked
        answer: Deferred[Any] = Deferred(lambda _: self._forget(number))
        overdue = self._reactor.callLater(timeout, self._overdue, number, timeout)
        self._questions[number] = answer, overdue
        frame = Frame(frames.ASK, self._codec.flag, number, b"", body)
        self.mail.send(frame).addErrback(self._unasked, number)
        return answer

    def _forget(self, number: int) -> Deferred[Any] | None:
        answer, overdue = self._questions.pop(number, (None, None))
        if overdue is not None and overdue.active():
            overdue.cancel()
        return answer

    def _overdue(self, number: int, timeout: float) -> None:
        answer = self._forget(number)
        if answer is not None:
            answer.errback(AskTimeoutError(f"no answer within {timeout} s"))

    def _unasked(self, failure: Failure, number: int) -> None:
        answer = self._forget(number)
        if answer is not None:
            answer.errback(failure)

    def encode(self, message: object) -> bytes:
        """
        @raise NotSerializableError: If the codec in use cannot carry the message.
        """
        return self._codec.encode(message)

    def tell(self, kind: int, number: int, topic: bytes, body: bytes) -> Deferred[None]:
        """
        Send something about a topic.

        @param body: What L{encode} made of it.
        """
        return self.mail.send(Frame(kind, self._codec.flag, number, topic, body))

    # Hearing

    def listen(self) -> None:
        """
        Somebody hears now who did not before: deliver what has waited.
        """
        if self._unheard:
            self._reactor.callLater(0, self._hearAgain)

    def _hearAgain(self) -> None:
        again, self._unheard = self._unheard, deque()
        self._unheardSize = 0
        self._hear(again)
        if self._paused and self._hasRoom():
            self._paused = False
            self.mail.resume()

    def _take(self, come: Sequence[tuple[Frame, int | None]]) -> None:
        self.ears.before()
        self._hear(come)

    def _hear(self, come: Sequence[tuple[Frame, int | None]]) -> None:
        for frame, fd in come:
            try:
                self._hearOne(frame, fd)
            except MessageError as error:
                self.close(error)

    def _hearOne(self, frame: Frame, fd: int | None) -> None:
        kind = frame.kind
        if kind == frames.MESSAGE:
            if self.ears.message is None:
                self._postpone(frame, fd)
            else:
                self._hearMessage(self.ears.message, frame, fd)
            return
        if fd is not None:
            os.close(fd)
        if kind == frames.ASK:
            self._hearQuestion(frame)
        elif kind in (frames.ANSWER, frames.REFUSAL):
            self._hearAnswer(frame)
        else:
            self.ears.topic(frame)

    def _postpone(self, frame: Frame, fd: int | None) -> None:
        self._unheard.append((frame, fd))
        self._unheardSize += len(frame.body)
        if not self._paused and not self._hasRoom():
            self._paused = True
            self.mail.pause()
            log.warn(
                "{count} messages wait for a listener: no more are read until there is one",
                count=len(self._unheard),
            )

    def _hasRoom(self) -> bool:
        return self._unheardSize < UNHEARD and len(self._unheard) < UNHEARD_COUNT

    def _hearMessage(
        self, hear: Callable[[Any, Handle | None], None], frame: Frame, fd: int | None
    ) -> None:
        handle = None
        if frame.flags & HANDLE:
            try:
                if fd is None:
                    raise HandleError("no descriptor was free for it")
                handle = received(fd, frame.extra, self._reactor)
            except HandleError as error:
                log.error("what came with a message is lost: {error}", error=error)
        hear(codecOf(frame.flags).decode(frame.body), handle)

    def _hearQuestion(self, frame: Frame) -> None:
        ask = self.ears.ask
        if ask is None:
            self._postpone(frame, None)
            return
        message = codecOf(frame.flags).decode(frame.body)
        if self._answering >= UNANSWERED:
            self._refuse(frame.number, f"{UNANSWERED} questions wait for an answer")
            return
        self._answering += 1
        answer = maybeDeferred(_call, ask, message)
        answer.addBoth(self._answered)
        answer.addCallback(self._answer, frame.number)
        answer.addErrback(self._cannotAnswer, frame.number)

    def _answered(self, result: Any) -> Any:
        self._answering -= 1
        return result

    def _answer(self, result: object, number: int) -> None:
        body = self._codec.encode(result)
        frame = Frame(frames.ANSWER, self._codec.flag, number, b"", body)
        self.mail.send(frame).addErrback(lambda failure: failure.trap(ClusterError))

    def _cannotAnswer(self, failure: Failure, number: int) -> None:
        log.failure("a question could not be answered", failure)
        self._refuse(number, f"{failure.type.__name__}: {failure.getErrorMessage()}")

    def _refuse(self, number: int, why: str) -> None:
        body = why.encode("utf-8", "replace")
        sent = self.mail.send(Frame(frames.REFUSAL, 0, number, b"", body))
        sent.addErrback(lambda failure: failure.trap(ClusterError))

    def _hearAnswer(self, frame: Frame) -> None:
        answer = self._forget(frame.number)
        if answer is None:
            return  # it came too late
        if frame.kind == frames.REFUSAL:
            why = str(frame.body, "utf-8", "replace")
            answer.errback(AskFailedError(f"the other process could not answer: {why}"))
        else:
            try:
                answer.callback(codecOf(frame.flags).decode(frame.body))
            except MessageError as error:
                answer.errback(error)
                raise

    # Ending

    def finish(self) -> None:
        """
        The other process has ended: hear what it still said.
        """
        for _ in range(UNANSWERED):
            if not self.mail.readOnce():
                return

    def close(self, error: Exception | None = None) -> None:
        """
        @param error: Why, if it is not this process that wants it.
        """
        self.mail.close()
        self._lost(error or ChannelClosedError("this process has closed the channel"))

    def _lost(self, error: Exception) -> None:
        if not self.isOpen:
            return
        self.isOpen = False
        for number in list(self._questions):
            answer = self._forget(number)
            if answer is not None:
                answer.errback(ChannelClosedError(f"no answer will come: {error}"))
        self.ears.closed(error)

    def drop(self) -> None:
        """
        Nobody will listen any more: forget what waits for it.
        """
        unheard, self._unheard = self._unheard, deque()
        for _, fd in unheard:
            if fd is not None:
                os.close(fd)


def _call(callee: Callable[..., Any], *arguments: object) -> Any:
    result = callee(*arguments)
    return Deferred.fromCoroutine(result) if iscoroutine(result) else result


def tellSubscribers(subscriptions: Subscriptions, frame: Frame) -> None:
    """
    Give what was published to everybody here who has subscribed. What a subscriber
    raises is its own affair: it is logged.
    """
    subscribers = subscriptions.of(frame.extra)
    if subscribers:
        message = codecOf(frame.flags).decode(frame.body)
    for subscriber in subscribers:
        told = maybeDeferred(_call, subscriber, message, frame.number)
        told.addErrback(lambda failure: log.failure("a subscriber failed", failure))
