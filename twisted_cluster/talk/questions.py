"""
Questions that wait for their answers: those that were asked here, and those that are
answered here.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.core.codecs import Codec, decode
from twisted_cluster.core.frames import ANSWER, HEAD, REFUSAL, Frame, headOf
from twisted_cluster.errors import (
    AskFailedError,
    AskTimeoutError,
    ClusterError,
    MessageError,
)
from twisted_cluster.talk.ears import PLAIN, begun
from twisted_cluster.wire.mail import Mail
from twisted_cluster.wire.parcels import OBJECTS

log = Logger()

# How late an overdue question may be noticed, in seconds.
LATE = 0.01
# In seconds: some thirty years, which every clock and timer still takes.
LONGEST_TIMEOUT = 1e9
# How many questions of the other process may be without an answer at a time.
UNANSWERED = 10_000
# Characters of what went wrong, which the other process is told.
WHY = 1000
LONGEST_WHY = 4 * WHY
# While more bytes of memory than this are taken by answers that wait to be sent, no
# question is heard.
UNSENT = 1 << 20


def _nothing(isHeld: bool) -> None:
    """
    Answers may pile up.
    """


# What waits for the answer, when it is overdue, and after how many seconds that was.
_Question = tuple["Deferred[object]", float, float]


class Questions:
    """
    Each has a number, and a time; one timer serves all, as most are answered long
    before.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._open: dict[int, _Question] = {}
        self._count = 0
        self._timer: IDelayedCall | None = None
        self._earliest = inf

    def add(self, timeout: float) -> tuple[int, Deferred[object]]:
        """
        @param timeout: In seconds; then the answer fails with L{AskTimeoutError}.
        @return: The question's number, and what will have its answer.
        @raise ValueError: If C{timeout} is no number of seconds.
        """
        if not isinstance(timeout, (int, float)) or not 0 <= timeout < LONGEST_TIMEOUT:
            raise ValueError(
                f"timeout {timeout!r}: give seconds, 0 to {LONGEST_TIMEOUT:.0f}"
            )

        def cancel(_: Deferred[object]) -> None:
            self.take(number)

        self._count = number = self._count + 1
        due = self._clock.seconds() + timeout
        answer: Deferred[object] = Deferred(cancel)
        self._open[number] = answer, due, timeout
        if due < self._earliest:
            self._watch(due)
        return number, answer

    def isAsked(self, number: int) -> bool:
        """
        Whether there ever was such a question.
        """
        return 0 < number <= self._count

    def isOpen(self, number: int) -> bool:
        """
        Whether a question waits for its answer.
        """
        return number in self._open

    def take(self, number: int) -> Deferred[object] | None:
        """
        A question is answered, or of no interest any more.

        @return: What waits for the answer; L{None} if nothing does.
        """
        question = self._open.pop(number, None)
        return None if question is None else question[0]

    def hear(self, frame: Frame) -> bool:
        """
        The other process has answered, or says that it cannot.

        @return: Whether anybody waits for that.
        """
        question = self._open.pop(frame.number, None)
        if question is None:
            return False  # it came too late
        answer = question[0]
        if frame.kind == REFUSAL:
            why = str(frame.body[:LONGEST_WHY], "utf-8", "replace")
            answer.errback(AskFailedError(f"the other process could not answer: {why}"))
            return True
        try:
            message = decode(frame.flags, frame.body)
        except MessageError as error:
            answer.errback(AskFailedError(f"the answer is lost: {error}"))
        else:
            answer.callback(message)
        return True

    def fail(self, error: Exception) -> None:
        """
        No answer will come to any.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._earliest = inf
        questions, self._open = self._open, {}
        for answer, _, _ in questions.values():
            answer.errback(error)

    def _watch(self, due: float) -> None:
        self._earliest = due
        left = max(0.0, due - self._clock.seconds())
        if self._timer is None:
            self._timer = self._clock.callLater(left, self._expire)
        else:
            self._timer.reset(left)

    def _expire(self) -> None:
        self._timer = None
        # Until it is watched again: who is told may ask anew.
        self._earliest = inf
        now = self._clock.seconds()
        overdue = [number for number, (_, due, _) in self._open.items() if due <= now]
        for number in overdue:
            question = self._open.pop(number, None)
            if question is not None:
                answer, _, timeout = question
                answer.errback(AskTimeoutError(f"no answer within {timeout} s"))
        if self._open:
            earliest = max(min(due for _, due, _ in self._open.values()), now + LATE)
            if earliest < self._earliest:
                self._watch(earliest)


class Unasked:
    """
    A question that waits to be sent.
    """

    def __init__(self, questions: Questions, number: int) -> None:
        self._questions = questions
        self._number = number

    def callback(self, result: None) -> None:
        """
        Now the other process has to answer.
        """

    def errback(self, error: Exception) -> None:
        """
        Nobody will answer.
        """
        answer = self._questions.take(self._number)
        if answer is not None:
            answer.errback(error)


class _Unsent:
    """
    An answer that waits to be sent. Who asked may be gone, or read nothing: it needs none
    then.
    """

    def __init__(self, wait: Callable[[int], None], length: int) -> None:
        """
        @param wait: Called with how many bytes of memory wait from now on, or no more.
        @param length: Of its body, in bytes.
        """
        self._wait = wait
        self._size = OBJECTS + HEAD + length
        wait(self._size)

    def callback(self, result: None) -> None:
        """
        The kernel has it.
        """
        self._wait(-self._size)

    def errback(self, error: Exception) -> None:
        """
        It will not be sent.
        """
        self._wait(-self._size)


class Answering:
    """
    Answers the other process's questions, or says that it cannot. Who does not read the
    answers is not heard, so that they do not pile up here.

    @ivar unsent: How many bytes of memory the answers take that wait to be sent.
    """

    def __init__(
        self, mail: Mail, codec: Codec, hold: Callable[[bool], object] = _nothing
    ) -> None:
        """
        @param hold: Called with whether nothing is to be heard.
        """
        self.unsent = 0
        self._mail = mail
        self._codec = codec
        self._hold = hold
        self._isHeld = False
        self._count = 0

    def hear(self, ask: Callable[[object], object], frame: Frame) -> None:
        """
        The other process asks something.

        @param ask: Users' code, which has the answer, now or later.
        """
        if self._count >= UNANSWERED:
            self.refuse(frame.number, f"{UNANSWERED} questions wait for an answer")
            return
        try:
            result = ask(decode(frame.flags, frame.body))
            if type(result) not in PLAIN:
                result = begun(result)
            if isinstance(result, Deferred):
                self._answerLater(result, frame.number)
            else:
                self._answer(result, frame.number)
        except BaseException:
            self._cannotAnswer(Failure(), frame.number)

    def _answerLater(self, result: Deferred[object], number: int) -> None:
        def answered(result: object) -> object:
            self._count -= 1
            return result

        self._count += 1
        result.addBoth(answered)
        result.addCallback(self._answer, number)
        result.addErrback(self._cannotAnswer, number)

    def _answer(self, result: object, number: int) -> None:
        body = self._codec.encode(result)
        head = headOf(ANSWER, self._codec.flag, number, b"", body)
        self._mail.post(head, body, _Unsent, self._wait, len(body))

    def _cannotAnswer(self, failure: Failure, number: int) -> None:
        if not failure.check(ClusterError):
            log.failure("a question could not be answered", failure)
        kind = type(failure.value).__name__
        self.refuse(number, f"{kind}: {failure.getErrorMessage()}")

    def refuse(self, number: int, why: str) -> None:
        """
        There is no answer.

        @param why: Which who asked is told.
        """
        body = why[:WHY].encode("utf-8", "replace")
        head = headOf(REFUSAL, 0, number, b"", body)
        self._mail.post(head, body, _Unsent, self._wait, len(body))

    def _wait(self, change: int) -> None:
        self.unsent += change
        # Not at every answer anew.
        isHeld = self.unsent > (UNSENT // 2 if self._isHeld else UNSENT)
        if isHeld != self._isHeld:
            self._isHeld = isHeld
            self._hold(isHeld)
