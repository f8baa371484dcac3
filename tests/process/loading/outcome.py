"""
What became of the requests of a load.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from attrs import asdict, define, field, frozen

SERVED = "served"
REFUSED = "refused"
# The connection ended, in order or not, before the first byte of the answer ...
RESET = "reset"
# ... or after it.
CUT = "cut"
WRONG = "wrong"
HUNG = "hung"
FAILURES = (REFUSED, RESET, CUT, WRONG, HUNG)
# Of requests that took longer than this is remembered when, and on which connection.
SLOW = 0.1
# So many of those, and of those that failed, at most.
MOST_NOTED = 50_000


@frozen
class Noted:
    """
    A request that failed, or took long.

    @ivar what: What became of it.
    @ivar port: The client's port.
    @ivar begun: When it was wanted; C{time.monotonic}.
    @ivar ended: When it had its answer, or failed.
    @ivar keepsAlive: Whether its client keeps connections.
    """

    what: str
    port: int
    begun: float
    ended: float
    keepsAlive: bool

    @property
    def wait(self) -> float:
        """
        How many seconds it took.
        """
        return self.ended - self.begun


@define
class Outcome:
    """
    What became of all of them.

    @ivar counts: How many, by what became of them.
    @ivar retried: How many were sent once more, for a connection that was kept alive
        ended as they were sent.
    @ivar leftIdle: How many connections the server ended in order while they were idle.
    @ivar resetIdle: The same, not in order.
    @ivar noted: Those that failed, and those that took long.
    @ivar latencies: Seconds that those which were served took, rounded: how many took
        how long.
    @ivar pids: How many each process served.
    """

    counts: dict[str, int] = field(factory=Counter)
    retried: int = 0
    leftIdle: int = 0
    resetIdle: int = 0
    noted: list[Noted] = field(factory=list)
    latencies: dict[float, int] = field(factory=Counter)
    pids: dict[int, int] = field(factory=Counter)

    def note(self, noted: Noted, pid: int = 0) -> None:
        """
        Count one in.

        @param pid: Who served it, if that is known.
        """
        self.counts[noted.what] += 1
        if noted.what == SERVED:
            self.latencies[round(noted.wait, 3)] += 1
            self.pids[pid] += 1
        if (noted.what != SERVED or noted.wait > SLOW) and len(self.noted) < MOST_NOTED:
            self.noted.append(noted)

    @property
    def served(self) -> int:
        """
        How many had their answer.
        """
        return self.counts[SERVED]

    @property
    def failed(self) -> int:
        """
        How many had none.
        """
        return sum(self.counts[what] for what in FAILURES)

    @property
    def worst(self) -> float:
        """
        How many seconds the slowest of those that were served took.
        """
        return max(self.latencies, default=0.0)

    def percentile(self, percent: float) -> float:
        """
        @return: The latency that so many percent of those served do not exceed.
        """
        left = sum(self.latencies.values()) * percent / 100
        for latency, count in sorted(self.latencies.items()):
            left -= count
            if left <= 0:
                return latency
        return 0.0

    def toJson(self) -> str:
        """
        @return: What L{fromJson} reads, in a line.
        """
        return json.dumps(asdict(self))

    @classmethod
    def fromJson(cls, text: str) -> Outcome:
        """
        @param text: What L{toJson} made.
        """
        known = json.loads(text)
        noted = [Noted(**each) for each in known.pop("noted")]
        latencies = Counter({float(k): v for k, v in known.pop("latencies").items()})
        pids = Counter({int(k): v for k, v in known.pop("pids").items()})
        counts = Counter(known.pop("counts"))
        return cls(counts, noted=noted, latencies=latencies, pids=pids, **known)


def inWords(outcome: Outcome) -> str:
    """
    @return: One line.
    """
    failures = [(what, outcome.counts[what]) for what in FAILURES]
    parts = [f"{count} {what}" for what, count in [(SERVED, outcome.served), *failures]]
    parts += [f"{outcome.retried} retried", f"{outcome.leftIdle} left idle"]
    return ", ".join([*parts, f"worst wait {outcome.worst:.3f} s"])


def worstOf(noted: Iterable[Noted]) -> float:
    """
    @return: The longest wait among them.
    """
    return max((each.wait for each in noted), default=0.0)
