"""
What C{--weights}, C{--group} and C{--max-connections} say.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.python.usage import UsageError

from twisted_cluster.events import AT_LIMIT, Limits

HEAVIEST = 10_000
MOST = 1_000_000_000


def parseWeights(text: str, workers: int) -> dict[int, int]:
    """
    @param text: C{3,1,1}: the first worker's, the second's, and so on.
    @return: Weights by worker number.
    @raise UsageError: If there are more than workers, one is no number, or nobody has
        any.
    """
    parts = text.split(",") if text else []
    if len(parts) > workers:
        raise UsageError(
            f"--weights {text}: there are {len(parts)}, for {workers} workers"
        )
    for part in parts:
        if not part.isdecimal() or int(part) > HEAVIEST:
            raise UsageError(f"--weights {text}: give numbers from 0 to {HEAVIEST}")
    weights = {number: int(part) for number, part in enumerate(parts, 1)}
    if len(parts) == workers and not any(weights.values()):
        raise UsageError(f"--weights {text}: at least one worker must have more than 0")
    return weights


def parseGroups(texts: Sequence[str], workers: int) -> dict[int, str]:
    """
    @param texts: C{api=1-2}, C{web=3,5-6}.
    @return: Groups by worker number.
    @raise UsageError: If one has no name, names no worker, or a worker has two.
    """
    groups: dict[int, str] = {}
    for text in texts:
        name, _, slots = text.partition("=")
        numbers = _numbers(slots, workers)
        if not name or not numbers:
            raise UsageError(
                f"--group {text}: give NAME=1-2 or NAME=1,4, with workers 1 to {workers}"
            )
        for number in numbers:
            if groups.setdefault(number, name) != name:
                raise UsageError(
                    f"--group {text}: worker {number} is in {groups[number]!r} already"
                )
    return groups


def _numbers(text: str, most: int) -> list[int]:
    """
    @return: None if the text is wrong, or names what there is not.
    """
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not first.isdecimal() or not last.isdecimal():
            return []
        if not 1 <= int(first) <= int(last) <= most:
            return []
        numbers.extend(range(int(first), int(last) + 1))
    return numbers


def parseLimits(most: Sequence[str], address: str, atLimit: str) -> Limits:
    """
    @param most: C{NUMBER}, or C{tcp:8080=NUMBER}.
    @raise UsageError: If one is no number, or there is no such way to be at a limit.
    """
    worker: int | None = None
    listeners: dict[str, int] = {}
    for text in most:
        name, equals, number = text.rpartition("=")
        value = _limit(number, f"--max-connections {text}")
        if equals and not name.startswith(("tcp:", "unix:")):
            raise UsageError(
                f"--max-connections {text}: give NUMBER, tcp:PORT=NUMBER or "
                "unix:PATH=NUMBER"
            )
        if equals:
            listeners[name] = value
        else:
            worker = value
    if atLimit not in AT_LIMIT:
        raise UsageError(f"--at-limit {atLimit}: give one of {', '.join(AT_LIMIT)}")
    one = _limit(address, f"--max-per-address {address}") if address else None
    return Limits(worker, listeners, one, atLimit)


def _limit(text: str, given: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise UsageError(f"{given}: give a number, 1 or more")
    return int(text)
