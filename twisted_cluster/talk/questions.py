"""
Questions that wait for their answers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from twisted_cluster.errors import AskTimeoutError

# How late an overdue question may be noticed, in seconds.
LATE = 0.01
LONGEST = 1e9


class _Question(NamedTuple):
    answer: Deferred[Any]
    due: float
    timeout: float


class Questions:
    """
    Each has a number, and a time; one timer serves all, as most are answered long
    before.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._open: dict[int, _Question] = {}
        self._count = 0
        self._timer: Any = None

    def add(self, timeout: float) -> tuple[int, Deferred[Any]]:
        """
        @param timeout: In seconds; then the answer fails with L{AskTimeoutError}.
        @return: The question's number, and what will have its answer.
        @raise ValueError: If C{timeout} is no number of seconds.
        """
        if not isinstance(timeout, (int, float)) or not 0 <= timeout < LONGEST:
            raise ValueError(f"timeout {timeout!r}: give seconds, 0 to {LONGEST:.0f}")

        def cancel(_: Deferred[Any]) -> None:
            self.take(number)

        self._count += 1
        number = self._count
        due = self._clock.seconds() + timeout
        answer: Deferred[Any] = Deferred(cancel)
        self._open[number] = _Question(answer, due, timeout)
        self._watch(due)
        return number, answer

    def take(self, number: int) -> Deferred[Any] | None:
        """
        A question is answered, or of no interest any more.

        @return: What waits for the answer; L{None} if nothing does.
        """
        question = self._open.pop(number, None)
        return None if question is None else question.answer

    def fail(self, error: Exception) -> None:
        """
        No answer will come to any.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        questions, self._open = self._open, {}
        for question in questions.values():
            question.answer.errback(error)

    def _watch(self, due: float) -> None:
        left = max(0.0, due - self._clock.seconds())
        if self._timer is None:
            self._timer = self._clock.callLater(left, self._expire)
        elif due < self._timer.getTime():
            self._timer.reset(left)

    def _expire(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        overdue = [n for n, question in self._open.items() if question.due <= now]
        for number in overdue:
            question = self._open.pop(number, None)
            if question is not None:
                why = f"no answer within {question.timeout} s"
                question.answer.errback(AskTimeoutError(why))
        if self._open:
            earliest = min(question.due for question in self._open.values())
            self._watch(max(earliest, now + LATE))
