"""
The process at the other end of a mail stream: messages, questions, answers.

Both kinds of process use it: the primary has one per worker, a worker has one.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Iterable
from inspect import iscoroutine
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.core import frames
from twisted_cluster.core.codecs import Codec, codecOf
from twisted_cluster.core.frames import HANDLE, Frame
from twisted_cluster.core.topics import Subscriptions
from twisted_cluster.errors import (
    AskFailedError,
    ChannelClosedError,
    ClusterError,
    HandleError,
    MessageError,
)
from twisted_cluster.talk.handles import Gift, Handle, prepare, received
from twisted_cluster.talk.questions import Questions
from twisted_cluster.wire.mail import Mail

log = Logger()

# What may wait for a listener: more is left with its sender.
UNHEARD = 1 << 24
UNHEARD_COUNT = 10_000
UNANSWERED = 10_000
# More reads than the kernel's buffer can hold anything for.
LAST_WORDS = 64


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
        self._questions = Questions(reactor)
        self._answering = 0
        self._come: deque[tuple[Frame, int | None]] = deque()
        self._unheard: deque[tuple[Frame, int | None]] = deque()
        self._unheardKinds: set[int] = set()
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
            return self.mail.send(Frame(frames.MESSAGE, self._codec.flag, 0, b"", body))
        ready = prepare(handle, keepOpen)
        frame = Frame(frames.MESSAGE, self._codec.flag | HANDLE, 0, unread, body)
        return ready.addCallback(self._give, frame)

    def _give(self, gift: Gift, frame: Frame) -> Deferred[None]:
        def keep(failure: Failure) -> Failure:
            gift.kept()
            return failure

        try:
            sent = self.mail.send(frame, gift.fileno)
        except Exception:
            gift.kept()
            raise
        return sent.addCallbacks(lambda _: gift.given(), keep)

    def ask(self, message: object, timeout: float) -> Deferred[Any]:
        """
        @see: L{twisted_cluster.api.workers.BaseWorker.ask}
        """
        body = self._codec.encode(message)
        number, answer = self._questions.add(timeout)
        frame = Frame(frames.ASK, self._codec.flag, number, b"", body)
        waits = self.mail.post(frame)
        if waits is not None:
            waits.addErrback(self._unasked, number)
        return answer

    def _unasked(self, failure: Failure, number: int) -> None:
        answer = self._questions.take(number)
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
        again = [one for one in self._unheard if self._earFor(one[0].kind)]
        kinds = {frame.kind for frame, _ in again}
        self._unheard = deque(one for one in self._unheard if one[0].kind not in kinds)
        self._unheardKinds -= kinds
        self._unheardSize = sum(len(frame.body) for frame, _ in self._unheard)
        self._come.extendleft(reversed(again))
        self._hearAll()
        if self._paused and self._hasRoom():
            self._paused = False
            self.mail.resume()

    def _earFor(self, kind: int) -> Callable[..., Any] | None:
        return self.ears.message if kind == frames.MESSAGE else self.ears.ask

    def _take(self, come: Iterable[tuple[Frame, int | None]]) -> None:
        self._come.extend(come)
        # This may find that the channel has ended, and so read on: what that brings is
        # behind what has come.
        self.ears.before()
        self._hearAll()

    def _hearAll(self) -> None:
        while self._come:
            frame, fd = self._come.popleft()
            try:
                self._hear(frame, fd)
            except MessageError as error:
                self.close(error)
                _forget(self._come)

    def _hear(self, frame: Frame, fd: int | None) -> None:
        kind = frame.kind
        if kind == frames.MESSAGE:
            # What has waited comes first.
            if self.ears.message is None or kind in self._unheardKinds:
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
        self._unheardKinds.add(frame.kind)
        self._unheardSize += len(frame.body)
        if not self._paused and not self._hasRoom():
            self._paused = True
            self.mail.pause()
            log.warn(
                "{count} messages wait for a listener; no more are read before",
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
        try:
            message = codecOf(frame.flags).decode(frame.body)
        except MessageError as error:
            log.error("a message is lost: {error}", error=error)
            if handle is not None:
                handle.close()
            return
        hear(message, handle)

    def _hearQuestion(self, frame: Frame) -> None:
        ask = self.ears.ask
        if ask is None or frame.kind in self._unheardKinds:
            self._postpone(frame, None)
            return
        if self._answering >= UNANSWERED:
            self._refuse(frame.number, f"{UNANSWERED} questions wait for an answer")
            return
        try:
            result = _call(ask, codecOf(frame.flags).decode(frame.body))
            if isinstance(result, Deferred):
                self._answerLater(result, frame.number)
            else:
                self._answer(result, frame.number)
        except Exception:
            self._cannotAnswer(Failure(), frame.number)

    def _answerLater(self, result: Deferred[Any], number: int) -> None:
        self._answering += 1
        result.addBoth(self._answered)
        result.addCallback(self._answer, number)
        result.addErrback(self._cannotAnswer, number)

    def _answered(self, result: Any) -> Any:
        self._answering -= 1
        return result

    def _answer(self, result: object, number: int) -> None:
        body = self._codec.encode(result)
        waits = self.mail.post(Frame(frames.ANSWER, self._codec.flag, number, b"", body))
        if waits is not None:
            waits.addErrback(lambda failure: failure.trap(ClusterError))

    def _cannotAnswer(self, failure: Failure, number: int) -> None:
        if not failure.check(ClusterError):
            log.failure("a question could not be answered", failure)
        kind = type(failure.value).__name__
        self._refuse(number, f"{kind}: {failure.getErrorMessage()}")

    def _refuse(self, number: int, why: str) -> None:
        body = why.encode("utf-8", "replace")
        sent = self.mail.send(Frame(frames.REFUSAL, 0, number, b"", body))
        sent.addErrback(lambda failure: failure.trap(ClusterError))

    def _hearAnswer(self, frame: Frame) -> None:
        answer = self._questions.take(frame.number)
        if answer is None:
            return  # it came too late
        if frame.kind == frames.REFUSAL:
            why = str(frame.body, "utf-8", "replace")
            answer.errback(AskFailedError(f"the other process could not answer: {why}"))
        else:
            try:
                message = codecOf(frame.flags).decode(frame.body)
            except MessageError as error:
                answer.errback(AskFailedError(f"the answer is lost: {error}"))
            else:
                answer.callback(message)

    # Ending

    def finish(self) -> None:
        """
        Hear what the other process has said until now, which may be its last words.
        """
        for _ in range(LAST_WORDS):
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
        self._questions.fail(ChannelClosedError(f"no answer will come: {error}"))
        self.ears.closed(error)

    def drop(self) -> None:
        """
        Nobody will listen any more: forget what waits for it.
        """
        _forget(self._unheard)


def _forget(frames: deque[tuple[Frame, int | None]]) -> None:
    """
    Forget what has come, and close what came with it.
    """
    for _, fd in frames:
        if fd is not None:
            os.close(fd)
    frames.clear()


def _call(callee: Callable[..., Any], *arguments: object) -> Any:
    result = callee(*arguments)
    return Deferred.fromCoroutine(result) if iscoroutine(result) else result


def hearNothing(peer: Peer) -> None:
    """
    No code of users runs here: messages are dropped, and questions refused.
    """
    warned = False

    def hear(message: Any, handle: Handle | None) -> None:
        nonlocal warned
        if handle is not None:
            handle.close()
        if not warned:
            warned = True
            log.warn("a worker sends messages to the primary, where nobody hears them")

    def refuse(question: Any) -> None:
        raise AskFailedError("nobody answers in this primary")

    peer.ears.message = hear
    peer.ears.ask = refuse


def tellSubscribers(subscriptions: Subscriptions, frame: Frame) -> None:
    """
    Give what was published to everybody here who has subscribed. What a subscriber
    raises is its own affair: it is logged.
    """
    subscribers = subscriptions.of(frame.extra)
    if not subscribers:
        return
    try:
        message = codecOf(frame.flags).decode(frame.body)
    except MessageError as error:
        log.error("what was published is lost: {error}", error=error)
        return
    for subscriber in subscribers:
        try:
            told = _call(subscriber, message, frame.number)
        except Exception:
            log.failure("a subscriber failed")
            continue
        if isinstance(told, Deferred):
            told.addErrback(lambda failure: log.failure("a subscriber failed", failure))
