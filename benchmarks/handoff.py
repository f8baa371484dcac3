"""
What does one connection, or one request, cost when it is handed to a worker, and what in
other ways, and with other servers?

    python benchmarks/handoff.py [--quick] [--seconds 4] [--rounds 5] [--workers N...]
        [--clients N...] [--workload NAME...] [--only NAME...] [--save FILE]
        [--load FILE...] [--write docs/why.md]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from contestants import contestant
from handing.bars import listed, verdicts
from handing.picture import picture
from handing.runs import Cell, Found
from handing.tables import everything, losses, onePage
from harness import main, say, write
from load import Load, measure, measureUndisturbed
from machine import freePort
from servers import Server, running

WRITER = "python benchmarks/handoff.py"
WARM_UP = 1
# Those with one process however many workers are asked for.
SINGLE = ("plain", "lean", "cluster-1", "cluster-1-stock")


@dataclass(frozen=True)
class Workload:
    """
    @ivar app: What of C{apps} is served.
    @ivar names: Who takes part.
    """

    app: str
    keepAlive: bool
    names: Sequence[str]


ANY = ["cluster-handoff", "cluster-shared", "cluster-kernel", "plain", "sharded",
       "proxied", "node-rr", "node-none", "node-reusePort"]  # fmt: skip
HTTP = [*ANY, "lean", "nginx", "haproxy", "gunicorn", "granian"]
KEPT = [*HTTP, "cluster-1", "cluster-1-stock"]
WORKLOADS = {
    "raw": Workload("raw", False, ANY),
    "http-close": Workload("web", False, HTTP),
    "keep-alive": Workload("web", True, KEPT),
}


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    add, several = parser.add_argument, partial(parser.add_argument, nargs="+")
    names, workloads = KEPT, list(WORKLOADS)
    add("--seconds", type=int, default=4, help="of each run [4]")
    add("--rounds", type=int, default=5, help="the median counts [5]")
    add("--patience", type=int, default=3, help="tries per run, while other programs "
        "keep the machine busy [3]")  # fmt: skip
    several("--workers", type=int, default=[2], metavar="N", help="[2]")
    several("--clients", type=int, default=[64], metavar="N", help="at a time [64]")
    several("--only", default=names, choices=[*names, "cluster"], metavar="NAME",
            help=", ".join(names))  # fmt: skip
    several("--workload", default=workloads, choices=workloads)
    add("--save", type=Path, metavar="FILE", help="what was measured, as JSON")
    several("--load", type=Path, default=[], metavar="FILE",
            help="measure nothing: what was saved there")  # fmt: skip
    add("--write", type=Path, metavar="PAGE", help="put a table there, at its marker, "
        "and a picture beside it, of the same name")  # fmt: skip


def measureAll(asked: argparse.Namespace, found: Found) -> None:
    """
    Measure, or take what was measured.
    """
    for file in asked.load:
        found.load(file)
    if asked.load:
        return
    found.machine.append(asked.calm)
    for workers in asked.workers:
        for name in asked.workload:
            run(name, workers, asked, found)


def run(name: str, workers: int, asked: argparse.Namespace, found: Found) -> None:
    """
    Measure one workload with one number of workers: all contestants are up, and take
    turns, round after round.
    """
    workload = WORKLOADS[name]
    few = min(asked.workers, key=lambda each: (each == 1, each))
    names = [n for n in asked.only if n in (*workload.names, "cluster")]
    if workers != few:
        names = [each for each in names if each not in SINGLE]
    names = [each for each in names if each not in found.missing]
    chosen = [contestant(n, workload.app, freePort(), workers) for n in names]
    with running(chosen, leftOut=found.missing) as servers:
        for server in servers:
            measure(server, Load(WARM_UP, min(asked.clients), workload.keepAlive))
        for turn in range(asked.rounds):
            say(f"{name}, {workers} workers: round {turn + 1}")
            for clients in asked.clients:
                load = Load(asked.seconds, clients, workload.keepAlive)
                for server in inTurn(servers, turn):
                    made = measureUndisturbed(server, load, asked.patience)
                    cell = Cell(name, workers, clients, server.name)
                    found.runs.setdefault(cell, []).append(made)


def inTurn(servers: Sequence[Server], turn: int) -> Sequence[Server]:
    """
    @return: The servers, each time in another order, so that no one is always after the
        same.
    """
    start = turn // 2 % max(1, len(servers))
    return [*servers[start:], *servers[:start]][:: -1 if turn % 2 else 1]


def report(asked: argparse.Namespace, found: Found) -> None:
    """
    Print the table and the bars; save and write what was asked for.
    """
    if not found.runs:
        return
    if asked.save:
        found.save(asked.save)
    print(everything(found))
    print(f"\n{verdicts(found)}\n\n{losses(found)}")
    if asked.write:
        drawn = asked.write.with_suffix(".svg")
        drawn.write_text(picture(found))
        write(asked.write, WRITER, page(found, drawn.name))


def page(found: Found, drawn: str) -> str:
    """
    @param drawn: The picture's name.
    @return: What the page says.
    """
    workers, clients = found.main()
    rounds = len(next(iter(found.runs.values())))
    said = f"{clients} clients, {workers} workers, medians of {rounds} round"
    said += "." if rounds == 1 else "s."
    about = f"{said} CPU is the primary's + the workers'. {' '.join(found.machine)}"
    parts = [
        f"{about}\n\n{onePage(found)}",
        f"![Rate and CPU against clients]({drawn})\n",
        f"Who is better than the best of ours:\n\n{losses(found)}",
        f"The bars of the design:\n\n{listed(found)}",
    ]
    return "\n" + "\n".join(parts)


if __name__ == "__main__":
    quick = {"seconds": 1, "rounds": 1, "patience": 1}
    main(__doc__, declare, Found(), measureAll, report, quick)
