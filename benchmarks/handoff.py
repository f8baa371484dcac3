"""
Connections and requests per second, beside Node: one table, and the ratios that count.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from statistics import median

from harness import TWISTD_COMMAND, Measured, freePort, measure

CLOSE = ("Connection: close",)
WORKLOADS = {
    "raw close": ("raw", ()),
    "http close": ("web", CLOSE),
    "keep-alive": ("web", ()),
}
CONTESTANTS = ("cluster", "node rr", "node none", "plain", "sharded", "cluster x1")


def commandsOf(
    contestant: str, app: str, port: int, workers: int
) -> tuple[Sequence[Sequence[str]], int]:
    """
    @return: What to start, and how many children the first has then.
    """
    listen = f"tcp:{port}:interface=127.0.0.1"
    if contestant in ("cluster", "cluster x1"):
        count = 1 if contestant.endswith("x1") else workers
        options = ["--workers", str(count), f"--app=apps.{app}", f"--listen={listen}"]
        return [[*TWISTD_COMMAND, "cluster", *options]], count
    if contestant.startswith("node"):
        policy = contestant.split()[1]
        script = ["node", "contestants/node_cluster.js", policy, app]
        return [[*script, str(port), str(workers)]], workers
    if contestant == "plain":
        variables = ["env", f"BENCH_APP={app}", f"BENCH_PORT={port}"]
        return [[*variables, *TWISTD_COMMAND, "-y", "contestants/plain.tac"]], 0
    sharded = [sys.executable, "contestants/sharded.py", app, str(port)]
    return [sharded] * workers, 0


def middle(runs: Sequence[Measured]) -> Measured:
    """
    The median of each figure; the sum of errors.
    """
    figures = [median(column) for column in zip(*(run[:5] for run in runs), strict=True)]
    return Measured(*figures, sum(run.errors for run in runs))


def main() -> None:
    """
    Run and print.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=CONTESTANTS)
    parser.add_argument("--workloads", nargs="*", default=list(WORKLOADS))
    asked = parser.parse_args()
    runs: dict[tuple[str, str], list[Measured]] = {}
    for _ in range(asked.rounds):
        for workload in asked.workloads:
            app, headers = WORKLOADS[workload]
            for name in asked.only:
                port = freePort()
                commands, children = commandsOf(name, app, port, asked.workers)
                measured = measure(commands, port, children, asked.seconds, headers)
                runs.setdefault((workload, name), []).append(measured)
    table = {key: middle(measured) for key, measured in runs.items()}
    printTable(table)
    printRatios(table)


def printTable(table: dict[tuple[str, str], Measured]) -> None:
    """
    One row per contestant and workload.
    """
    print(
        f"{'workload':11} {'contestant':11} {'per s':>8} {'p50 ms':>7} {'p99 ms':>7} "
        f"{'primary us':>10} {'workers us':>10} {'errors':>6}"
    )
    for (workload, name), row in table.items():
        print(
            f"{workload:11} {name:11} {row.rate:8.0f} {row.p50:7.2f} {row.p99:7.2f} "
            f"{row.first:10.1f} {row.others:10.1f} {row.errors:6}"
        )


RATIOS = (
    # what, figure, workload, peer, bar, whether less is better
    ("primary CPU per connection / Node RR", "first", "raw close", "node rr", 0.5, True),
    ("raw connections per s / Node RR", "rate", "raw close", "node rr", 1.4, False),
    ("HTTP connections per s / Node RR", "rate", "http close", "node rr", 1.2, False),
    ("keep-alive, 1 worker / plain, rate", "rate", "keep-alive", "plain", 0.98, False),
    ("keep-alive, 1 worker / plain, CPU", "others", "keep-alive", "plain", 1.02, True),
)


def printRatios(table: dict[tuple[str, str], Measured]) -> None:
    """
    The bars of the design, and whether they are met.
    """
    for what, figure, workload, peer, bar, lessIsBetter in RATIOS:
        name = "cluster x1" if peer == "plain" else "cluster"
        if (workload, name) not in table or (workload, peer) not in table:
            continue
        ours = getattr(table[workload, name], figure)
        ratio = ours / getattr(table[workload, peer], figure)
        met = ratio <= bar if lessIsBetter else ratio >= bar
        sign = "<=" if lessIsBetter else ">="
        print(f"{what:38} {ratio:5.2f}  (bar {sign} {bar}) {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()
