"""
What does an access log cost, and what of it does the primary pay?

    python benchmarks/access_log.py [--seconds 4] [--rounds 5] [--only NAME...]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from contestants import Contestant, contestant
from harness import endOnSignals, freePort, micros, millis, running, table
from load import Load, Measurement, measure, measureUndisturbed

BAR = 0.9
PRIMARY_BAR = 0.02  # of one processor
# The site of apps.py that each serves; of "file" all workers write one log.
APPS = {"none": "quiet", "file": "filed", "events": "told"}
KINDS = {"cluster": "cluster", "stock": "plain"}
NAMES = [f"{kind}-{log}" for kind in KINDS for log in APPS]
HEADER = ["server", "access log", "per s", "p50 ms", "p99 ms", "of none", "workers µs",
          "primary µs", "primary %", "lines", "errors", "others"]  # fmt: skip
Results = dict[str, list[Measurement]]


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """
    Read the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    add = parser.add_argument
    add("--seconds", type=int, default=4, help="of each run")
    add("--workers", type=int, default=2)
    add("--rounds", type=int, default=5, help="the median counts")
    add("--patience", type=int, default=3, help="tries per run, while other programs "
        "keep the machine busy")  # fmt: skip
    add("--connections", type=int, default=32)
    add("--only", nargs="+", default=NAMES, choices=NAMES, metavar="NAME",
        help=", ".join(NAMES))  # fmt: skip
    return parser.parse_args(arguments)


def say(text: str) -> None:
    """
    Progress, kept apart from the table.
    """
    print(text, file=sys.stderr, flush=True)


def logging(name: str, workers: int, folder: Path) -> Contestant:
    """
    @param name: One of L{NAMES}.
    @param folder: Where its log is.
    """
    kind, log = name.split("-")
    made = contestant(KINDS[kind], APPS[log], freePort(), workers)
    environment = {**made.environment, "BENCHMARK_LOG": str(folder / name)}
    return replace(made, name=name, environment=environment)


def run(asked: argparse.Namespace, folder: Path, results: Results) -> None:
    """
    All in turn, round after round.

    @param results: Where each run is added, so that an early end loses none.
    """
    load = Load(asked.seconds, asked.connections, keepAlive=True)
    chosen = [logging(name, asked.workers, folder) for name in asked.only]
    with running(chosen) as servers:
        for server in servers:
            measure(server, Load(1, asked.connections, keepAlive=True))
        for turn in range(1, asked.rounds + 1):
            for server in servers[:: 1 if turn % 2 else -1]:
                say(f"round {turn}: {server.name}")
                made = measureUndisturbed(server, load, asked.patience)
                results.setdefault(server.name, []).append(made)


# Telling


def median(runs: Sequence[Measurement], of: str) -> float:
    """
    @return: The median of one figure.
    """
    return statistics.median(getattr(run, of) or 0.0 for run in runs)


def busy(runs: Sequence[Measurement]) -> float:
    """
    @return: What the primary had of one processor, 0 to 1; the median.
    """
    return statistics.median((run.primary or 0.0) * run.rate for run in runs)


def ofNone(name: str, results: Results) -> float:
    """
    @return: The rate, as part of that without a log; the median of the rounds.
    """
    without = results.get(f"{name.split('-')[0]}-none", [])
    rates = [run.rate / none.rate for run, none in zip(results[name], without)]
    return statistics.median(rates) if rates else float("nan")


def row(name: str, results: Results, folder: Path) -> list[str]:
    """
    One line of the table.
    """
    runs = results[name]
    cells = [*name.split("-"), f"{median(runs, 'rate'):.0f}"]
    cells += [millis(median(runs, "p50")), millis(median(runs, "p99"))]
    cells += [f"{ofNone(name, results):.2f}", micros(median(runs, "workers"))]
    cells += [micros(median(runs, "primary")), f"{busy(runs):.1%}"]
    lines = sum(file.read_bytes().count(b"\n") for file in folder.glob(f"{name}*"))
    cells += [str(lines), str(sum(run.errors for run in runs))]
    return [*cells, f"{max(run.others for run in runs):.0%}"]


def report(results: Results, folder: Path) -> None:
    """
    Print the table, and the bars.
    """
    print(table(HEADER, [row(name, results, folder) for name in results]))
    if "cluster-file" in results and "cluster-none" in results:
        ratio, share = ofNone("cluster-file", results), busy(results["cluster-file"])
        isGood = ratio >= BAR and share <= PRIMARY_BAR
        print(f"\na log file: {ratio:.2f} of the rate without (bar ≥ {BAR}), primary "
              f"{share:.1%} of a processor (bar ≤ {PRIMARY_BAR:.0%}): "
              f"{'pass' if isGood else 'FALLS SHORT'}")  # fmt: skip


def main() -> None:
    """
    Measure, then print.
    """
    asked = options()
    endOnSignals()
    results: Results = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            run(asked, Path(folder), results)
        finally:
            report(results, Path(folder))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
