"""
Who gets how much, and what does it do to latency: each policy, and others' ways.

    python benchmarks/balance.py [--quick] [--workers N...] [--only NAME...] [--save FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path

from clients import (
    Crowd,
    Visit,
    bursts,
    paced,
    percentile,
    sequential,
    shares,
    variation,
    visitsOf,
)
from contestants import contestant
from harness import TOP, main, micros, millis, say, table
from machine import freePort
from servers import Server, running

sys.path.insert(0, str(TOP))
from twisted_cluster.plugins import findPolicies

RATE = 400.0
SLOW_REQUEST = 50
SLOW_WORKER = 4
BURST = 64
SLOW_WORKLOAD = "slow worker"
# What a policy cannot do without; one that is not here needs nothing.
ARGUMENTS = {
    "sticky": [
        "by=address",
        "by=cookie,name=sid",
        "by=header,name=x-session",
        "by=query,name=sid",
    ],
    "route": ["by=host,one.test=one,default=two"],
}
OTHERS = ["node-rr", "node-none", "sharded"]
HEADER = ["workload", "contestant", "workers", "visits", "shares %", "slow %", "CV",
          "CV of 64", "p50 ms", "p99 ms", "primary µs", "workers µs", "errors",
          "others"]  # fmt: skip


@dataclass(frozen=True)
class Result:
    """
    One workload of one contestant.

    @ivar shares: Of the visits, what each worker served; in descending order.
    @ivar slow: The slow worker's share; None: there was none.
    @ivar evenness: Coefficient of variation of the shares.
    @ivar ofBurst: The same within 64 visits in succession, on average.
    @ivar p50: Seconds; the median of the visits that asked for nothing slow.
    @ivar p99: The same; the 99th percentile.
    @ivar primary: CPU seconds per visit in the primary; None: there is none.
    @ivar workers: CPU seconds per visit in the workers together.
    @ivar errors: Visits without an answer, and lost workers.
    @ivar others: Share of the machine that other programs had meanwhile, 0 to 1.
    """

    workload: str
    contestant: str
    count: int
    visits: int
    shares: list[float]
    slow: float | None
    evenness: float
    ofBurst: float
    p50: float
    p99: float
    primary: float | None
    workers: float
    errors: int
    others: float


def slowSometimes(crowd: Crowd, seconds: float) -> None:
    """
    One visit in a hundred stops its worker for a while.
    """
    block = cycle([0] * 24 + [SLOW_REQUEST] + [0] * 75).__next__
    paced(crowd, seconds, RATE, block=block)


WORKLOADS: dict[str, Callable[[Crowd, float], None]] = {
    "sequential": sequential,
    "bursts of 64": partial(bursts, size=BURST),
    "1 % slow": slowSometimes,
    SLOW_WORKLOAD: partial(paced, rate=RATE),
}


def contestantNames() -> list[str]:
    """
    @return: Every policy, with each text of L{ARGUMENTS}, and L{OTHERS}.
    """
    names = []
    for name in sorted(findPolicies()):
        given = ARGUMENTS.get(name)
        names += [f"{name}:{each}" for each in given] if given else [name]
    return names + OTHERS


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    names = contestantNames()
    add = parser.add_argument
    add("--seconds", type=float, default=2.0, help="of each run [2]")
    add("--workers", type=int, nargs="+", default=[2, 4, 8, 16], help="[2 4 8 16]")
    add("--only", nargs="+", default=names, metavar="NAME",
        help=", ".join(names) + "; or any policy with arguments")  # fmt: skip
    add("--save", type=Path, help="write JSON for balance_plot.py there")


# Measuring


def evennessOfBursts(visits: Sequence[Visit], workers: Sequence[int]) -> float:
    """
    @return: The mean coefficient of variation of the shares within L{BURST} visits.
    """
    starts = range(0, len(visits) - BURST + 1, BURST)
    each = [variation(shares(visits[at : at + BURST], workers)) for at in starts]
    return statistics.fmean(each) if each else float("nan")


def measure(server: Server, workload: str, seconds: float, slow: int | None) -> Result:
    """
    Put a server under one workload.

    @param slow: The process that is slow, if one is.
    """
    visits, costs = visitsOf(server, partial(WORKLOADS[workload], seconds=seconds))
    parts = shares(visits, server.workers)
    quick = [visit.latency for visit in visits if not visit.block]
    missing = sum(not visit.worker for visit in visits)
    each = max(len(visits), 1)
    return Result(
        workload,
        server.name,
        len(server.workers),
        len(visits),
        sorted(parts, reverse=True),
        None if slow is None else parts[server.workers.index(slow)],
        variation(parts),
        evennessOfBursts(visits, server.workers),
        percentile(quick, 50),
        percentile(quick, 99),
        None if costs.primary is None else costs.primary / each,
        costs.workers / each,
        missing + server.lost(),
        costs.others,
    )


def warmUp(server: Server) -> list[int]:
    """
    @return: The workers that served somebody, by ascending process number.
    """
    visits, _ = visitsOf(server, partial(bursts, seconds=0.2))
    return sorted({visit.worker for visit in visits} & set(server.workers))


def measureAll(name: str, workers: int, seconds: float) -> list[Result]:
    """
    Start a contestant and put it under each workload; that of the slow worker comes
    last, for it stays slow.

    @return: Nothing if it did not start.
    """
    entry = contestant(name, "named", freePort(), workers)
    trouble = {"BENCHMARK_TROUBLE": f"slow {SLOW_WORKER}"}
    entry = replace(entry, environment={**entry.environment, **trouble})
    results = []
    with running([entry]) as servers:
        for server in servers:
            serving = warmUp(server)
            for workload in WORKLOADS:
                slow = None
                if workload == SLOW_WORKLOAD and serving:
                    slow = serving[0]
                    os.kill(slow, signal.SIGUSR2)
                results.append(measure(server, workload, seconds, slow))
    return results


# Telling


def row(result: Result) -> list[str]:
    """
    One line of the table.
    """
    parts = [f"{part * 100:.0f}" for part in result.shares]
    text = " ".join(parts) if len(parts) <= 4 else f"{parts[0]} … {parts[-1]}"
    return [
        result.workload,
        result.contestant,
        str(result.count),
        str(result.visits),
        text,
        "-" if result.slow is None else f"{result.slow * 100:.1f}",
        f"{result.evenness:.2f}",
        f"{result.ofBurst:.2f}",
        millis(result.p50),
        millis(result.p99),
        micros(result.primary),
        micros(result.workers),
        str(result.errors),
        f"{result.others:.0%}",
    ]


def summary(results: Sequence[Result]) -> str:
    """
    @param results: All of one number of workers.
    @return: A table with a line for each contestant.
    """
    found = {(result.contestant, result.workload): result for result in results}
    names = dict.fromkeys(result.contestant for result in results)
    rows = []
    for name in names:
        cells = [name, str(results[0].count)]
        for workload in WORKLOADS:
            result = found[name, workload]
            cells += [f"{result.evenness:.2f}", millis(result.p99)]
        rows.append(cells)
    header = [f"{workload}: {what}" for workload in WORKLOADS for what in ("CV", "p99")]
    return table(["contestant", "workers", *header], rows)


def run(asked: argparse.Namespace, results: list[Result]) -> None:
    """
    All contestants, one after another.
    """
    for workers in asked.workers:
        for name in asked.only:
            say(f"{workers} workers: {name}")
            results += measureAll(name, workers, asked.seconds)


def report(asked: argparse.Namespace, results: list[Result]) -> None:
    """
    Print two tables for each number of workers, all figures and the main ones, and save
    them.
    """
    for count in sorted({result.count for result in results}):
        mine = [result for result in results if result.count == count]
        mine.sort(key=lambda result: list(WORKLOADS).index(result.workload))
        print(table(HEADER, [row(result) for result in mine]), end="\n\n")
        print(summary(mine), end="\n\n")
    if asked.save:
        asked.save.write_text(json.dumps([asdict(each) for each in results]))


if __name__ == "__main__":
    main(__doc__, declare, [], run, report, {"seconds": 0.25, "workers": [4]})
