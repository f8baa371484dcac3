"""
What does one connection, or one request, cost when it is handed to a worker?

    python benchmarks/handoff.py [--seconds 4] [--workers 2] [--rounds 2] [--only NAME...]
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial

from contestants import CONTESTANTS, contestant
from harness import Server, endOnSignals, freePort, micros, millis, running, table
from load import Load, Measurement, measure, measureUndisturbed

WARM_UP = 1
PAIRED = ("plain", "lean", "cluster-1-stock", "cluster-1")
HEADER = ["workload", "contestant", "per s", "p50 ms", "p99 ms", "primary µs"]
HEADER += ["workers µs", "errors", "others"]


@dataclass(frozen=True)
class Workload:
    """
    @ivar app: What L{contestants.contestant} calls the application.
    @ivar names: Who takes part.
    """

    app: str
    keepAlive: bool
    names: Sequence[str]


EVERYONE = ("cluster", "node-rr", "node-none", "plain", "sharded")
WORKLOADS = {
    "raw": Workload("raw", False, EVERYONE),
    "http-close": Workload("web", False, (*EVERYONE, "lean")),
    "keep-alive": Workload(
        "web", True, (*EVERYONE, "lean", "cluster-1", "cluster-1-stock")
    ),
}
Results = dict[tuple[str, str], list[Measurement]]


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """
    Read the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--seconds", type=int, default=4, help="of each run")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2, help="the median counts")
    parser.add_argument("--patience", type=int, default=3, help="tries per run, while "
                        "other programs keep the machine busy")  # fmt: skip
    parser.add_argument("--connections", type=int, default=32)
    add = partial(parser.add_argument, nargs="+")
    names, workloads = list(CONTESTANTS), list(WORKLOADS)
    add("--only", default=names, choices=names, metavar="NAME", help=", ".join(names))
    add("--workload", default=workloads, choices=workloads)
    return parser.parse_args(arguments)


def say(text: str) -> None:
    """
    Progress, kept apart from the table.
    """
    print(text, file=sys.stderr, flush=True)


def run(name: str, asked: argparse.Namespace, results: Results) -> None:
    """
    Measure one workload, the contestants in turn, round after round.

    @param results: Where each run is added, so that an early end loses none.
    """
    workload = WORKLOADS[name]
    load = Load(asked.seconds, asked.connections, workload.keepAlive)
    names = [each for each in workload.names if each in asked.only]
    chosen = [contestant(n, workload.app, freePort(), asked.workers) for n in names]
    with running(chosen) as servers:
        for server in servers:
            measure(server, Load(WARM_UP, load.connections, load.keepAlive))
        for turn in range(asked.rounds):
            for server in servers:
                say(f"{name}, round {turn + 1}: {server.name}")
                run = measureUndisturbed(server, load, asked.patience)
                results.setdefault((name, server.name), []).append(run)
        if workload.keepAlive:
            runPair(name, servers, load, asked, results)


def runPair(
    name: str,
    servers: list[Server],
    load: Load,
    asked: argparse.Namespace,
    results: Results,
) -> None:
    """
    The narrowest bars compare these, so they run again in turn, in short spells.
    """
    pair = [server for server in servers if server.name in PAIRED]
    if len(pair) < 2:
        return
    for server in pair:
        results[name, server.name].clear()
    spell = Load(max(1, load.seconds // 2), load.connections, load.keepAlive)
    for turn in range(max(4, 2 * asked.rounds)):
        say(f"{name}, pair, spell {turn + 1}")
        for server in pair if turn % 2 else reversed(pair):
            run = measureUndisturbed(server, spell, asked.patience)
            results[name, server.name].append(run)


def median(runs: Sequence[Measurement]) -> Measurement:
    """
    @return: The median of each figure; of errors, the sum.
    """
    columns = {}
    for field in fields(Measurement):
        values = [getattr(each, field.name) for each in runs]
        known = [value for value in values if value is not None]
        columns[field.name] = statistics.median(known) if known else None
    columns["errors"] = sum(each.errors for each in runs)
    return Measurement(**columns)


def row(key: tuple[str, str], runs: Sequence[Measurement]) -> list[str]:
    """
    One line of the table.
    """
    m = median(runs)
    cells = [f"{m.rate:.0f}", millis(m.p50), millis(m.p99), micros(m.primary)]
    return [*key, *cells, micros(m.workers), str(m.errors), f"{m.others:.0%}"]


def budgets(results: Results) -> list[list[str]]:
    """
    The bars of the design, as far as both sides were measured.

    @return: Rows of (what, against, ratio, bar, verdict).
    """
    rows = []

    def compare(what, workload, ours, theirs, figure, bar, atMost=False):
        two = results.get((workload, ours), []), results.get((workload, theirs), [])
        if not all(two):
            return
        ratio = statistics.median(figure(a, b) for a, b in zip(*two))
        good = ratio <= bar if atMost else ratio >= bar
        verdict = "pass" if good else "FALLS SHORT"
        sign = "≤" if atMost else "≥"
        rows.append(
            [what, f"{ours} / {theirs}", f"{ratio:.3f}", f"{sign} {bar}", verdict]
        )

    def primary(a: Measurement, b: Measurement) -> float:
        return (a.primary or 0) / (b.primary or 1)

    def rate(a: Measurement, b: Measurement) -> float:
        return a.rate / b.rate

    def economy(a: Measurement, b: Measurement) -> float:
        return b.cpu / a.cpu

    for workload in ("raw", "http-close"):
        what = f"{workload}: primary CPU per connection"
        compare(what, workload, "cluster", "node-rr", primary, 0.5, atMost=True)
    compare("raw: connections per second", "raw", "cluster", "node-rr", rate, 1.4)
    what = "http-close: connections per second"
    compare(what, "http-close", "cluster", "node-rr", rate, 1.2)
    what = "keep-alive: requests per second"
    compare(what, "keep-alive", "cluster-1", "plain", rate, 0.98)
    what = "keep-alive: requests per CPU second"
    compare(what, "keep-alive", "cluster-1", "plain", economy, 1.15)
    compare(what, "keep-alive", "cluster-1-stock", "plain", economy, 0.98)
    compare(what, "keep-alive", "lean", "plain", economy, 1.15)
    return rows


def main() -> None:
    """
    Measure, then print the table and the budgets.
    """
    asked = options()
    endOnSignals()
    results: Results = {}
    try:
        for name in asked.workload:
            run(name, asked, results)
    finally:
        report({key: runs for key, runs in results.items() if runs})


def report(results: Results) -> None:
    """
    Print the table and the budgets.
    """
    print(table(HEADER, [row(key, runs) for key, runs in results.items()]))
    verdicts = budgets(results)
    if verdicts:
        header = ["budget", "compared", "ratio", "bar", "verdict"]
        print(f"\n{table(header, verdicts)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
