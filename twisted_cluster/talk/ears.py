"""
Who hears what the other process says.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from inspect import iscoroutine

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.core import frames
from twisted_cluster.core.codecs import Payload, decode
from twisted_cluster.core.complaints import Complaints
from twisted_cluster.core.frames import Frame
from twisted_cluster.core.topics import Subscriptions
from twisted_cluster.errors import MessageError
from twisted_cluster.talk.handles import Handle

log = Logger()
# What users' code returns most often: whether something is a Deferred or a coroutine is
# half a microsecond to ask.
PLAIN = frozenset({type(None), bool, int, float, str, list, dict})
_complaints = Complaints(time.monotonic_ns)


def _nothing() -> None:
    """
    There is nothing to do.
    """


def _letBe(isHeld: bool) -> None:
    """
    There is nothing to do.
    """


def _yes() -> bool:
    return True


@define
class Ears:
    """
    Messages and questions wait for somebody who hears them: for C{message} or C{ask} to
    be something else than L{None}.

    @ivar message: Given a message, and the handle that came with it or L{None}.
    @ivar isHeard: Whether anybody hears messages just now: else they are dropped as they
        came, without being decoded.
    @ivar isDeaf: No code of users runs here: messages are dropped, and questions refused.
    @ivar isStrict: Who sends what no process of ours would is not heard any more.
    @ivar ask: Given a question; its result, or what a Deferred or coroutine that it
        returns gives, is the answer.
    @ivar topic: Given each frame that is about a topic; says whether it was of use.
    @ivar held: Called with whether the other process is not heard, because it does not
        read what it is answered.
    @ivar before: Called before frames that have come are looked at.
    @ivar closed: Called once, when the other process is gone, or has broken the rules
        (L{MessageError}).
    """

    topic: Callable[[Frame], bool]
    closed: Callable[[Exception], object]
    before: Callable[[], object] = _nothing
    held: Callable[[bool], object] = _letBe
    message: Callable[[Payload, Handle | None], object] | None = None
    ask: Callable[[Payload], object] | None = None
    isHeard: Callable[[], bool] = _yes
    isDeaf: bool = False
    isStrict: bool = False

    def hears(self, kind: int) -> bool:
        """
        Whether frames of a kind are heard, and need not wait.
        """
        if kind == frames.MESSAGE:
            return self.message is not None or self.isDeaf
        return kind != frames.ASK or self.ask is not None or self.isDeaf

    def wants(self, kind: int) -> bool:
        """
        Whether what frames of a kind say is wanted, be it later.
        """
        if kind == frames.MESSAGE:
            return not self.isDeaf and (self.message is None or self.isHeard())
        return not (kind == frames.ASK and self.isDeaf)


def begun(result: object) -> object:
    """
    @param result: What users' code has returned.
    @return: The same; of a coroutine, a Deferred.
    """
    return Deferred.fromCoroutine(result) if iscoroutine(result) else result


def callGuarded(whose: str, callee: Callable[..., object], *arguments: object) -> None:
    """
    Call users' code. What it raises, whatever that is, is its own affair: it is logged.

    @param whose: What the log calls it.
    """

    try:
        told = callee(*arguments)
        if type(told) in PLAIN:
            return
        told = begun(told)
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
    ears.isDeaf = True


def tellSubscribers(subscriptions: Subscriptions, frame: Frame) -> bool:
    """
    Give what was published to everybody here who has subscribed.

    @return: Whether anybody has.
    """
    subscribers = subscriptions.of(frame.extra)
    if not subscribers:
        return False
    try:
        message = decode(frame.flags, frame.body)
    except MessageError as error:
        if _complaints.isDue():
            log.error("what was published is lost: {error}", error=error)
        return False
    for subscriber in subscribers:
        callGuarded("a subscriber", subscriber, message, frame.number)
    return True
