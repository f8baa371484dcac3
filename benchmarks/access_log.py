"""
What does an access log cost, and what of it does the primary pay?

    python benchmarks/access_log.py [--seconds 4] [--rounds 5] [--only NAME...]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from contestants import contestant
from contestants.entry import Contestant
from harness import main, micros, millis, say, table
from load import Load, Measurement, measure, measureUndisturbed
from machine import freePort
from servers import running

BAR = 0.9
PRIMARY_BAR = 0.02  # of one processor
# The site of apps.py that each serves; of "file" all workers write one log.
APPS = {"none": "quiet", "file": "filed", "events": "told"}
KINDS = {"cluster": "cluster", "stock": "plain"}
NAMES = [f"{kind}-{log}" for kind in KINDS for log in APPS]
HEADER = ["server", "access log", "per s", "p50 ms", "p99 ms", "of none", "workers µs",
          "primary µs", "primary %", "lines", "errors", "others"]  # fmt: skip


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    add = parser.add_argument
    add("--seconds", type=int, default=4, help="of each run [4]")
    add("--workers", type=int, default=2)
    add("--rounds", type=int, default=5, help="the median counts [5]")
    add("--patience", type=int, default=3, help="tries per run, while other programs "
        "keep the machine busy [3]")  # fmt: skip
    add("--connections", type=int, default=32)
    add("--only", nargs="+", default=NAMES, choices=NAMES, metavar="NAME",
        help=", ".join(NAMES))  # fmt: skip


@dataclass
class Found:
    """
    @ivar lines: How many lines each has logged.
    """

    runs: dict[str, list[Measurement]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


def logging(name: str, workers: int, folder: Path) -> Contestant:
    """
    @param name: One of L{NAMES}.
    @param folder: Where its log is.
    """
    kind, log = name.split("-")
    made = contestant(KINDS[kind], APPS[log], freePort(), workers)
    environment = {**made.environment, "BENCHMARK_LOG": str(folder / name)}
    return replace(made, name=name, environment=environment)


def run(asked: argparse.Namespace, found: Found) -> None:
    """
    All in turn, round after round.
    """
    load = Load(asked.seconds, asked.connections, keepAlive=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = [logging(each, asked.workers, folder) for each in asked.only]
        with running(chosen) as servers:
            for server in servers:
                measure(server, Load(1, asked.connections, keepAlive=True))
            for turn in range(1, asked.rounds + 1):
                for server in servers[:: 1 if turn % 2 else -1]:
                    say(f"round {turn}: {server.name}")
                    made = measureUndisturbed(server, load, asked.patience)
                    found.runs.setdefault(server.name, []).append(made)
                    found.lines[server.name] = linesOf(server.name, folder)


def linesOf(name: str, folder: Path) -> int:
    """
    @return: How many lines its files have.
    """
    return sum(file.read_bytes().count(b"\n") for file in folder.glob(f"{name}*"))


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


def ofNone(name: str, results: Mapping[str, list[Measurement]]) -> float:
    """
    @return: The rate, as part of that without a log; the median of the rounds.
    """
    without = results.get(f"{name.split('-')[0]}-none", [])
    rates = [run.rate / none.rate for run, none in zip(results[name], without)]
    return statistics.median(rates) if rates else float("nan")


def row(name: str, found: Found) -> list[str]:
    """
    One line of the table.
    """
    runs = found.runs[name]
    cells = [*name.split("-"), f"{median(runs, 'rate'):.0f}"]
    cells += [millis(median(runs, "p50")), millis(median(runs, "p99"))]
    cells += [f"{ofNone(name, found.runs):.2f}", micros(median(runs, "workers"))]
    cells += [micros(median(runs, "primary")), f"{busy(runs):.1%}"]
    cells += [str(found.lines[name]), str(sum(run.errors for run in runs))]
    return [*cells, f"{max(run.others for run in runs):.0%}"]


def report(asked: argparse.Namespace, found: Found) -> None:
    """
    Print the table, and the bars.
    """
    print(table(HEADER, [row(name, found) for name in found.runs]))
    if "cluster-file" in found.runs and "cluster-none" in found.runs:
        ratio = ofNone("cluster-file", found.runs)
        share = busy(found.runs["cluster-file"])
        isGood = ratio >= BAR and share <= PRIMARY_BAR
        print(f"\na log file: {ratio:.2f} of the rate without (bar ≥ {BAR}), primary "
              f"{share:.1%} of a processor (bar ≤ {PRIMARY_BAR:.0%}): "
              f"{'pass' if isGood else 'FALLS SHORT'}")  # fmt: skip


if __name__ == "__main__":
    quick = {"seconds": 1, "rounds": 1, "patience": 1}
    main(__doc__, declare, Found(), run, report, quick)
