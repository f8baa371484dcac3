"""
The bars of the design, as far as both sides were measured.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from harness import table
from load import Measurement

from handing.runs import Cell, Found

Comparing = Callable[[Measurement, Measurement], float]
HEADER = ["what", "compared", "measured", "bar", "verdict"]
SHORT = "FALLS SHORT"


def primary(a: Measurement, b: Measurement) -> float:
    """
    CPU of the primaries.
    """
    return (a.primary or 0) / (b.primary or 1)


def cpu(a: Measurement, b: Measurement) -> float:
    """
    CPU of all processes.
    """
    return a.cpu / b.cpu


def rate(a: Measurement, b: Measurement) -> float:
    """
    Requests per second.
    """
    return a.rate / b.rate


def economy(a: Measurement, b: Measurement) -> float:
    """
    Requests per CPU second.
    """
    return b.cpu / a.cpu


def beyond(a: Measurement, b: Measurement) -> float:
    """
    What workers spend more, in microseconds.
    """
    return (a.workers - b.workers) * 1e6


class Verdict(NamedTuple):
    """
    The words of one row.
    """

    what: str
    names: str
    value: str
    bar: str
    verdict: str


@dataclass(frozen=True)
class Bar:
    """
    @ivar limit: What the figure must be at least, or with C{isMost} at most.
    """

    what: str
    workload: str
    ours: str
    theirs: str
    figure: Comparing
    limit: float
    isMost: bool = False

    def judge(self, found: Found) -> Verdict | None:
        """
        @return: What rounds say, by their median; None: not measured.
        """
        workers, clients = found.main()
        names = self.ours, self.theirs
        cells = [Cell(self.workload, workers, clients, name) for name in names]
        pairs = zip(*(found.runs.get(cell, []) for cell in cells))
        # Who served nobody at all in a round cannot be compared.
        both = [(a, b) for a, b in pairs if a.rate and b.rate]
        if not both:
            return None
        value = statistics.median(self.figure(*pair) for pair in both)
        isGood = value <= self.limit if self.isMost else value >= self.limit
        bar = f"{'≤' if self.isMost else '≥'} {self.limit:g}"
        what = f"{self.workload}: {self.what}"
        return Verdict(
            what, " / ".join(names), f"{value:.2f}", bar, "pass" if isGood else SHORT
        )


OURS, NODE = "cluster-handoff", "node-rr"
BARS = [
    Bar("primary CPU per connection", "raw", OURS, NODE, primary, 0.25, True),
    Bar("primary CPU per connection", "http-close", OURS, NODE, primary, 0.28, True),
    Bar("CPU per connection", "raw", OURS, NODE, cpu, 0.42, True),
    Bar("CPU per connection", "http-close", OURS, NODE, cpu, 0.68, True),
    Bar("µs of a worker beyond plain", "raw", OURS, "plain", beyond, 2.0, True),
    Bar("connections per second", "raw", OURS, NODE, rate, 1.7),
    Bar("connections per second", "http-close", OURS, NODE, rate, 1.3),
    Bar("requests per CPU second", "keep-alive", "cluster-1", "plain", economy, 1.15),
    Bar(
        "requests per CPU second", "keep-alive", "cluster-1-stock", "plain", economy, 0.98
    ),
    Bar("requests per CPU second", "keep-alive", "lean", "plain", economy, 1.15),
    Bar("connections per second", "raw", "cluster-kernel", "sharded", rate, 1.0),
    Bar("connections per second", "http-close", "cluster-kernel", "sharded", rate, 1.0),
]


def judged(found: Found) -> list[Verdict]:
    """
    @return: Of those bars that can be judged.
    """
    return [verdict for bar in BARS if (verdict := bar.judge(found))]


def verdicts(found: Found) -> str:
    """
    @return: The same as a table.
    """
    return table(HEADER, judged(found))


def listed(found: Found) -> str:
    """
    @return: The same as a list.
    """
    return "".join(f"- {what}, `{names}`: {value} (bar {bar}: {verdict})\n"
                   for what, names, value, bar, verdict in judged(found))  # fmt: skip
