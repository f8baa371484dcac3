"""
One worker of four stands still now and then: what do the others' clients notice?

    python benchmarks/stalls.py [--quick] [--seconds 12] [--rounds 3] [--only NAME...]
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from clients import Visit, bursts, gaps, paced, percentile, visitsOf
from contestants import CONTESTANTS, contestant
from harness import TOP, main, millis, say, table
from machine import freePort
from servers import Server, running

sys.path.insert(0, str(TOP))
from twisted_cluster.plugins import findPolicies

WORKERS = 4
RATE = 400.0
STALL = 0.5
BETWEEN = 1.5  # seconds from a stall's end to the next one, on average
TRAPPED = 0.1
BAR = 1.2
BARRED = ("round-robin", "least-lag")
NAMES = ["round-robin", "least-lag", "least-connections", "power-of-two", "none",
         "node-rr", "node-none", "sharded"]  # fmt: skip
HEADER = ["contestant", "whose", "visits", "p50 ms", "p99 ms", "p99.9 ms", "max ms",
          "p99 ratio", "stalls", "trapped per stall", "errors", "others"]  # fmt: skip


@dataclass
class Spell:
    """
    What was seen with one server in one round, or in several.

    @ivar calm: Latencies while no worker stood still.
    @ivar others: With stalls: of those whom another worker served.
    @ivar all: The same of everybody but those whom the worker that stands still had in
        its hands already.
    @ivar ratios: Of the 99th percentile of C{others} and of C{all} to that of C{calm}.
    """

    calm: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    all: list[float] = field(default_factory=list)
    ratios: list[tuple[float, float]] = field(default_factory=list)
    stalls: int = 0
    errors: int = 0
    disturbance: float = 0.0

    def add(self, other: Spell) -> None:
        """
        Count another round in.
        """
        self.calm += other.calm
        self.others += other.others
        self.all += other.all
        calm, *rest = (percentile(x, 99) for x in (other.calm, other.others, other.all))
        self.ratios.append((rest[0] / calm, rest[1] / calm))
        self.stalls += other.stalls
        self.errors += other.errors
        self.disturbance = max(self.disturbance, other.disturbance)


Results = dict[str, Spell]


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    policies = findPolicies()
    names = [each for each in NAMES if each in CONTESTANTS or each in policies]
    add = parser.add_argument
    add("--seconds", type=float, default=12.0, help="of each run, 2 or more [12]")
    add("--rounds", type=int, default=3, help="the median of the ratios counts [3]")
    add("--only", nargs="+", default=names, metavar="NAME",
        help=", ".join(names) + "; or any policy")  # fmt: skip


# Measuring


class Staller:
    """
    Makes a worker stand still at given times.

    @ivar begun: When it did.
    """

    def __init__(self, pid: int, times: Sequence[float]) -> None:
        self._pid = pid
        self._times = list(times)
        self.begun: list[float] = []

    def look(self, now: float) -> None:
        """
        See whether it is time.
        """
        if self._times and self._times[0] <= now:
            self._times.pop(0)
            self.begun.append(now)
            os.kill(self._pid, signal.SIGUSR2)

    def had(self, visit: Visit) -> bool:
        """
        Whether the worker had this one in its hands when it stood still.
        """
        mine = visit.worker == self._pid
        return mine and any(visit.begun <= at < visit.ended for at in self.begun)


def stallTimes(seconds: float, seed: int) -> list[float]:
    """
    @return: When to stall, in seconds from the begin: at random, one at least, none
        into another or beyond the end.
    """
    between = gaps(seed, BETWEEN)
    times = [min(next(between), seconds / 2)]
    while times[-1] < seconds - STALL:
        times.append(times[-1] + STALL + next(between))
    return times[:-1] or times


def measure(server: Server, seconds: float, seed: int, stalled: int) -> Spell:
    """
    The same clients twice: calm, and while a worker stands still now and then.

    @param stalled: That worker's process.
    """
    come = partial(paced, seconds=seconds, rate=RATE, seed=seed)
    calm, calmCosts = visitsOf(server, come, seed)
    start = time.monotonic()
    staller = Staller(stalled, [start + at for at in stallTimes(seconds, seed)])
    visits, costs = visitsOf(server, partial(come, meanwhile=staller.look), seed)
    missing = sum(not visit.worker for visit in [*calm, *visits])
    return Spell(
        [visit.latency for visit in calm],
        [visit.latency for visit in visits if visit.worker != stalled],
        [visit.latency for visit in visits if not staller.had(visit)],
        [],
        len(staller.begun),
        missing + server.lost(),
        max(costs.others, calmCosts.others),
    )


def victim(server: Server) -> int:
    """
    @return: A worker that serves; the others are warm then, too.
    """
    visits, _ = visitsOf(server, partial(bursts, seconds=0.5))
    serving = {visit.worker for visit in visits} & set(server.workers)
    return min(serving, default=server.workers[0])


def run(asked: argparse.Namespace, results: Results) -> None:
    """
    All contestants in turn, round after round.

    @param results: Where each round is added, so that an early end loses none.
    """
    chosen = [contestant(name, "named", freePort(), WORKERS) for name in asked.only]
    trouble = {"BENCHMARK_TROUBLE": f"stop {STALL * 1e3:.0f}"}
    chosen = [replace(e, environment={**e.environment, **trouble}) for e in chosen]
    with running(chosen) as servers:
        stalled = [victim(server) for server in servers]
        for turn in range(1, asked.rounds + 1):
            for server, pid in zip(servers, stalled):
                say(f"round {turn}: {server.name}")
                spell = measure(server, asked.seconds, turn, pid)
                results.setdefault(server.name, Spell()).add(spell)


# Telling


def row(name: str, whose: str, latencies: Collection[float], spell: Spell) -> list[str]:
    """
    One line of the table.
    """
    cells = [name, whose, str(len(latencies))]
    cells += [millis(percentile(latencies, percent)) for percent in (50, 99, 99.9, 100)]
    if whose == "calm":
        return [*cells, "-", "-", "-", str(spell.errors), f"{spell.disturbance:.0%}"]
    ratio = statistics.median(each[whose == "all"] for each in spell.ratios)
    trapped = sum(latency > TRAPPED for latency in latencies)
    perStall = f"{trapped / spell.stalls:.2f}" if spell.stalls else "-"
    return [*cells, f"{ratio:.2f}", str(spell.stalls), perStall, "", ""]


def report(asked: argparse.Namespace, results: Results) -> None:
    """
    Print the table, and the bars.
    """
    rows = []
    for name, spell in results.items():
        rows.append(row(name, "calm", spell.calm, spell))
        rows.append(row(name, "others", spell.others, spell))
        rows.append(row(name, "all", spell.all, spell))
    print(table(HEADER, rows))
    print()
    for name in filter(results.__contains__, BARRED):
        ratio = statistics.median(each[0] for each in results[name].ratios)
        verdict = "pass" if ratio <= BAR else "FALLS SHORT"
        print(f"{name}: p99 of the others, stalls / calm = {ratio:.2f} "
              f"(bar ≤ {BAR}: {verdict})")  # fmt: skip


if __name__ == "__main__":
    main(__doc__, declare, {}, run, report, {"seconds": 2.0, "rounds": 1})
