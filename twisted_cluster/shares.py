"""
What C{--weights}, C{--group}, C{--max-connections} and C{--dispatch} say, and the
settings of the same names.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_cluster.errors import ConfigError
from twisted_cluster.events import AT_LIMIT, AUTO, DISPATCHES, SHARED, Dispatch, Limits
from twisted_cluster.listening import nameOf

# Weighted round robin counts to the sum of all: 1024 of these are still a small number.
HEAVIEST = 10_000
# Beyond what a machine has memory for; it keeps sums within a page's 64-bit cells.
MOST_CONNECTIONS = 1_000_000_000


def parseWeights(text: str, workers: int) -> dict[int, int]:
    """
    @param text: C{3,1,1}: the first worker's, the second's, and so on.
    @return: Weights by worker number.
    @raise ConfigError: If there are more than workers, one is no number, or nobody has
        any.
    """
    parts = text.split(",") if text else []
    if len(parts) > workers:
        why = f"there are {len(parts)}, for {workers} workers"
        raise ConfigError("weights", text, why)
    for part in parts:
        if not part.isdecimal() or int(part) > HEAVIEST:
            raise ConfigError("weights", text, f"give numbers from 0 to {HEAVIEST}")
    weights = {number: int(part) for number, part in enumerate(parts, 1)}
    if len(parts) == workers and not any(weights.values()):
        raise ConfigError("weights", text, "at least one worker must have more than 0")
    return weights


def parseGroups(texts: Sequence[str], workers: int) -> dict[int, str]:
    """
    @param texts: C{api=1-2}, C{web=3,5-6}.
    @return: Groups by worker number.
    @raise ConfigError: If one has no name, names no worker, or a worker has two.
    """
    groups: dict[int, str] = {}
    for text in texts:
        name, _, slots = text.partition("=")
        numbers = _numbers(slots, workers)
        if not name or not numbers:
            accepted = f"give NAME=1-2 or NAME=1,4, with workers 1 to {workers}"
            raise ConfigError("group", text, accepted)
        for number in numbers:
            if groups.setdefault(number, name) != name:
                why = f"worker {number} is in {groups[number]!r} already"
                raise ConfigError("group", text, why)
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
    @raise ConfigError: If one is no number, or there is no such way to be at a limit.
    """
    worker: int | None = None
    listeners: dict[str, int] = {}
    for text in most:
        name, equals, number = text.rpartition("=")
        value = _limit(number, "maxConnections", text)
        if equals and not name.startswith(("tcp:", "unix:")):
            accepted = "give NUMBER, tcp:PORT=NUMBER or unix:PATH=NUMBER"
            raise ConfigError("maxConnections", text, accepted)
        name = nameOf(name) if equals else name
        if name in listeners or (not equals and worker is not None):
            where = name or "a worker"
            raise ConfigError("maxConnections", text, f"{where} has a number already")
        if equals:
            listeners[name] = value
        else:
            worker = value
    if atLimit not in AT_LIMIT:
        raise ConfigError("atLimit", atLimit, f"give one of {', '.join(AT_LIMIT)}")
    one = _limit(address, "maxPerAddress", address) if address else None
    return Limits(worker, listeners, one, atLimit)


def parseDispatch(texts: Sequence[str], limits: Limits) -> Dispatch:
    """
    @param texts: C{MODE}, or C{tcp:8080=MODE}.
    @raise ConfigError: If there is no such mode, or nobody would keep to the limits.
    """
    general = ""
    listeners: dict[str, str] = {}
    for text in texts:
        name, equals, mode = text.rpartition("=")
        if mode not in DISPATCHES or (equals and not name.startswith(("tcp:", "unix:"))):
            modes = "|".join(DISPATCHES)
            accepted = f"give {modes}, or tcp:PORT= or unix:PATH= and one of these"
            raise ConfigError("dispatch", text, accepted)
        name = nameOf(name) if equals else name
        if name in listeners or (not equals and general):
            where = name or "all others"
            raise ConfigError("dispatch", text, f"it is said already of {where}")
        if mode == SHARED and limits.any:
            why = "workers accept themselves, so that nobody would keep to limits"
            raise ConfigError("dispatch", text, why)
        if equals:
            listeners[name] = mode
        else:
            general = mode
    return Dispatch(general or AUTO, listeners)


def _limit(text: str, name: str, given: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_CONNECTIONS:
        raise ConfigError(
            name, given, f"give a number, 1 or more, up to {MOST_CONNECTIONS}"
        )
    return int(text)
