"""
What tests under load rely on: answers are read as they come, and who failed is told from
who could not be served.
"""

from __future__ import annotations

import pytest

from tests.process.loading.answers import Answer
from tests.process.loading.excuses import Excuses, Spell
from tests.process.loading.outcome import CUT, REFUSED, RESET, SERVED, Noted, Outcome

BODY = b"42\nfilling\nend\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


def test_answerIsReadAsItComes() -> None:
    """
    Byte by byte; it is complete with the last one, and says who gave it.
    """
    answer = Answer()
    for byte in ANSWER:
        assert not answer.isComplete
        answer.feed(bytes([byte]))
    assert answer.isComplete
    assert answer.isRight
    assert not answer.isLast
    assert answer.pid == 42


def test_closingAnswerIsTheLast() -> None:
    """
    Its head says so; its body may say what it likes.
    """
    closing, other = Answer(), Answer()
    closing.feed(ANSWER.replace(b"\r\n\r\n", b"\r\nconnection: Close\r\n\r\n"))
    assert closing.isLast
    other.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n\r\nConnection: close\r\n")
    assert other.isComplete
    assert not other.isLast


@pytest.mark.parametrize(
    "data", [ANSWER + b"x", b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 20_000]
)
def test_nonsenseIsRefused(data: bytes) -> None:
    """
    Too much, without a length, without an end.
    """
    with pytest.raises(ValueError, match=r"too much|no length|without an end"):
        Answer().feed(data)


def noted(what: str, port: int, begun: float, ended: float) -> Noted:
    """
    A request.
    """
    return Noted(what, port, begun, ended, keepsAlive=False)


def test_outcomeCrossesAsText() -> None:
    """
    What one process has counted another one reads.
    """
    outcome = Outcome()
    outcome.note(noted(SERVED, 1, 0.0, 0.5), pid=7)
    outcome.note(noted(RESET, 2, 0.0, 0.1))
    again = Outcome.fromJson(outcome.toJson())
    assert again == outcome
    assert (again.served, again.failed, again.worst) == (1, 1, 0.5)
    assert again.percentile(50) == 0.5


def test_onlyWhoWasInItsHandsIsExcused() -> None:
    """
    At that time, and on those connections; and who is refused, while all is ended.
    """
    outcome = Outcome()
    for one in (
        noted(CUT, 1, 9.0, 10.1),
        noted(CUT, 2, 9.0, 10.1),
        noted(CUT, 1, 11.0, 11.1),
        noted(REFUSED, 3, 20.0, 20.1),
        noted(RESET, 3, 20.0, 20.1),
        noted(SERVED, 1, 9.5, 12.0),
        noted(SERVED, 5, 9.5, 10.0),
    ):
        outcome.note(one)
    spells = [Spell(9.9, 10.0, {1}), Spell(20.0, 21.0, None)]
    verdict = Excuses(80, spells=spells).judge(outcome)
    assert verdict.failed == {CUT: 2, RESET: 1}
    assert (verdict.served, verdict.cut, verdict.away) == (2, 1, 1)
    assert verdict.worst == 0.5
