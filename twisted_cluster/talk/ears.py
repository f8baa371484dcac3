"""
Who hears what the other process says.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutine

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.core import frames
from twisted_cluster.core.codecs import Payload, codecOf
from twisted_cluster.core.frames import Frame
from twisted_cluster.core.topics import Subscriptions
from twisted_cluster.errors import AskFailedError, MessageError
from twisted_cluster.talk.handles import Handle

log = Logger()


def _nothing() -> None:
    """
    There is nothing to do.
    """


@define
class Ears:
    """
    Messages and questions wait for somebody who hears them: for C{message} or C{ask} to
    be something else than L{None}.

    @ivar message: Given a message, and the handle that came with it or L{None}.
    @ivar ask: Given a question; its result, or what a Deferred or coroutine that it
        returns gives, is the answer.
    @ivar topic: Given each frame that is about a topic.
    @ivar before: Called before frames that have come are looked at.
    @ivar closed: Called once, when the other process is gone, or has broken the rules
        (L{MessageError}).
    """

    topic: Callable[[Frame], object]
    closed: Callable[[Exception], object]
    before: Callable[[], object] = _nothing
    message: Callable[[Payload, Handle | None], object] | None = None
    ask: Callable[[Payload], object] | None = None

    def hears(self, kind: int) -> bool:
        """
        Whether frames of a kind are heard, and need not wait.
        """
        if kind == frames.MESSAGE:
            return self.message is not None
        return kind != frames.ASK or self.ask is not None


def call(callee: Callable[..., object], *arguments: object) -> object:
    """
    Call users' code.

    @return: What it returns; of a coroutine, a Deferred.
    """
    result = callee(*arguments)
    return Deferred.fromCoroutine(result) if iscoroutine(result) else result


def callGuarded(whose: str, callee: Callable[..., object], *arguments: object) -> None:
    """
    Call users' code. What it raises, whatever that is, is its own affair: it is logged.

    @param whose: What the log calls it.
    """

    try:
        told = call(callee, *arguments)
    except BaseException:
        _say(Failure(), whose)
    else:
        if isinstance(told, Deferred):
            told.addErrback(_say, whose)


def _say(failure: Failure, whose: str) -> None:
    log.failure("{whose} failed", failure, whose=whose)


def hearNothing(ears: Ears) -> None:
    """
    No code of users runs here: messages are dropped, and questions refused.
    """
    warned = False

    def hear(message: object, handle: Handle | None) -> None:
        nonlocal warned
        if handle is not None:
            handle.discard()
        if not warned:
            warned = True
            log.warn("a worker sends messages to the primary, where nobody hears them")

    def refuse(question: object) -> object:
        raise AskFailedError("nobody answers in this primary")

    ears.message = hear
    ears.ask = refuse


def tellSubscribers(subscriptions: Subscriptions, frame: Frame) -> None:
    """
    Give what was published to everybody here who has subscribed.
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
        callGuarded("a subscriber", subscriber, message, frame.number)
