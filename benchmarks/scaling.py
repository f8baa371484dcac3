"""
What does a connection cost with more workers, and while idle connections are held?

    python benchmarks/scaling.py [--quick] [--part workers idle] [--seconds 3]
        [--workers N...] [--idle N...] [--only NAME...]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product

from contestants import contestant
from harness import HERE, main, micros, millis, say, table
from load import Load, measure, measureUndisturbed
from machine import descriptors, freePort, memory
from servers import Server, running

CONNECTIONS_PER_HOLDER = 4000
ARRIVAL_LIMIT = 60.0
MODERATE = {"connections": 64, "pause": 32}
BAR = 1.15
USUAL = ["cluster-handoff", "node-rr"]
NAMES = [*USUAL, "cluster-shared", "cluster-kernel"]
WORKERS_HEADER = ["contestant", "workers", "start s", "idle primary", "idle workers",
                  "paced per s", "primary µs", "workers µs", "p99 ms",
                  "flat out per s", "primary µs", "workers µs", "errors",
                  "others"]  # fmt: skip
IDLE_HEADER = ["contestant", "held", "fds/conn", "PSS/conn", "USS/conn", "primary fds",
               "primary PSS", "new per s", "primary µs", "workers µs", "p99 ms",
               "errors", "others"]  # fmt: skip


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    add = parser.add_argument
    add("--part", nargs="+", choices=["workers", "idle"], default=["workers", "idle"])
    add("--seconds", type=int, default=3, help="of each run [3]")
    add("--patience", type=int, default=3, help="tries per run, while other programs "
        "keep the machine busy [3]")  # fmt: skip
    add("--workers", type=int, nargs="+", default=[2, 4, 8, 16, 32, 64])
    add("--idle", type=int, nargs="+", default=[1000, 5000, 10000, 20000])
    add("--only", nargs="+", choices=NAMES, default=USUAL, metavar="NAME",
        help=", ".join(NAMES))  # fmt: skip


@dataclass
class Found:
    """
    Lines of the tables.

    @ivar primary: CPU of the primary per connection under even load, by contestant and
        number of workers.
    """

    workers: list[list[str]] = field(default_factory=list)
    primary: dict[str, dict[int, float]] = field(default_factory=dict)
    idle: list[list[str]] = field(default_factory=list)


# Number of workers


def idleCost(server: Server, seconds: float) -> list[str]:
    """
    @return: Milliseconds of CPU per second of doing nothing: primary, workers together.
    """
    before = server.cpu()
    time.sleep(seconds)
    return [f"{(b - a) / seconds * 1e3:.2f}" for a, b in zip(before, server.cpu())]


def workersRow(
    server: Server, workers: int, asked: argparse.Namespace, found: Found
) -> None:
    """
    Add a line to the table.
    """
    measure(server, Load(1))
    seconds, patience = asked.seconds, asked.patience
    idle = idleCost(server, seconds)
    paced = measureUndisturbed(server, Load(seconds, **MODERATE), patience)
    full = measureUndisturbed(server, Load(seconds), patience)
    cells = [server.name, str(workers), f"{server.startSeconds:.1f}", *idle]
    cells += [f"{paced.rate:.0f}", micros(paced.primary), micros(paced.workers)]
    cells += [millis(paced.p99), f"{full.rate:.0f}", micros(full.primary)]
    cells += [micros(full.workers), str(paced.errors + full.errors)]
    found.workers.append([*cells, f"{max(paced.others, full.others):.0%}"])
    found.primary.setdefault(server.name, {})[workers] = paced.primary or 0


def workersPart(asked: argparse.Namespace, found: Found) -> None:
    """
    Cost against number of workers.
    """
    for name, workers in product(asked.only, asked.workers):
        say(f"{name}, {workers} workers")
        with running([contestant(name, "raw", freePort(), workers)]) as servers:
            for server in servers:
                workersRow(server, workers, asked, found)


def verdicts(found: Found) -> Iterator[str]:
    """
    @return: What most workers cost the primary, against fewest.
    """
    for name, primary in found.primary.items():
        few, many = min(primary), max(primary)
        if few < many and primary[few]:
            ratio = primary[many] / primary[few]
            verdict = "pass" if ratio <= BAR else "FALLS SHORT"
            yield (f"{name}: primary CPU per connection with {many} workers / "
                   f"{few} = {ratio:.2f} (bar ≤ {BAR}: {verdict})")  # fmt: skip


# Idle connections


class Holders:
    """
    Client processes that hold idle connections, each from an address of its own.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._running: list[subprocess.Popen[bytes]] = []
        self.count = 0

    def holdUpTo(self, count: int) -> None:
        """
        Open as many more as it takes.

        @raise RuntimeError: If a client could not open them.
        """
        while self.count < count:
            some = min(CONNECTIONS_PER_HOLDER, count - self.count)
            source = f"127.0.0.{len(self._running) + 2}"
            script = str(HERE / "contestants" / "holder.py")
            command = [sys.executable, script, source, str(self._port), str(some)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            holder = subprocess.Popen(command, preexec_fn=os.setpgrp, **pipes)
            self._running.append(holder)
            if holder.stdout.readline() != b"ready\n":
                raise RuntimeError(f"could not open {some} connections from {source}")
            self.count += some

    def close(self) -> None:
        """
        End the clients, and with them the connections.
        """
        for holder in self._running:
            holder.stdin.close()
        for holder in self._running:
            try:
                holder.wait(10)
            except subprocess.TimeoutExpired:
                holder.kill()
                holder.wait()
            holder.stdout.close()


def total(figure: Callable[[int], int], pids: Sequence[int]) -> int:
    """
    @return: The sum of a figure over processes.
    """
    return sum(figure(pid) for pid in pids)


def pss(pid: int) -> int:
    """
    @return: Proportional set size, bytes.
    """
    return memory(pid)[0]


def uss(pid: int) -> int:
    """
    @return: Unique set size, bytes.
    """
    return memory(pid)[1]


def taken(server: Server) -> list[int]:
    """
    @return: Of the workers, descriptors, PSS and USS; of the primary, descriptors, PSS.
    """
    ofWorkers = [total(figure, server.workers) for figure in (descriptors, pss, uss)]
    return ofWorkers + [total(figure, server.primaries) for figure in (descriptors, pss)]


def waitForArrival(server: Server, wanted: int) -> None:
    """
    Wait until the workers have so many descriptors; give up after L{ARRIVAL_LIMIT}.
    """
    deadline = time.monotonic() + ARRIVAL_LIMIT
    while total(descriptors, server.workers) < wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)


def idleRow(
    server: Server, held: int, before: list[int], asked: argparse.Namespace
) -> list[str]:
    """
    @param held: Idle connections that the clients hold.
    @param before: What L{taken} said when there were none.
    @return: A line of the table.
    """
    waitForArrival(server, before[0] + held)
    fds, ofPSS, ofUSS, primaryFDs, primaryPSS = (
        now - then for now, then in zip(taken(server), before)
    )
    run = measureUndisturbed(server, Load(asked.seconds), asked.patience)
    cells = [server.name, str(held)]
    if held:
        each = [f"{amount / held / 1024:.2f} K" for amount in (ofPSS, ofUSS)]
        cells += [f"{fds / held:.3f}", *each]
    else:
        cells += ["-", "-", "-"]
    cells += [f"{primaryFDs:+d}", f"{primaryPSS / 2**20:+.1f} M", f"{run.rate:.0f}"]
    cells += [micros(run.primary), micros(run.workers), millis(run.p99)]
    return [*cells, str(run.errors), f"{run.others:.0%}"]


def idlePart(asked: argparse.Namespace, found: Found) -> None:
    """
    Cost against idle connections held, with two workers.
    """
    for name in asked.only:
        with ExitStack() as stack:
            chosen = [contestant(name, "raw", freePort(), 2)]
            for server in stack.enter_context(running(chosen)):
                measure(server, Load(1))
                holders = Holders(server.port)
                stack.callback(holders.close)
                time.sleep(1)
                before = taken(server)
                for held in [0, *sorted(asked.idle)]:
                    say(f"{name}, {held} idle connections")
                    holders.holdUpTo(held)
                    found.idle.append(idleRow(server, held, before, asked))


def measureAll(asked: argparse.Namespace, found: Found) -> None:
    """
    The parts that were asked for.
    """
    if "workers" in asked.part:
        workersPart(asked, found)
    if "idle" in asked.part:
        idlePart(asked, found)


def report(asked: argparse.Namespace, found: Found) -> None:
    """
    Print the tables.
    """
    if found.workers:
        print(table(WORKERS_HEADER, found.workers))
        print(
            "\nidle: ms of CPU per second, all processes of the kind together; "
            "others: share of the machine that other programs had"
        )
        print("\n".join(verdicts(found)), end="\n\n")
    if found.idle:
        print(table(IDLE_HEADER, found.idle))
        print("\nprimary fds and PSS: more than with no connection held")


if __name__ == "__main__":
    quick = {"seconds": 1, "patience": 1, "workers": [2, 8], "idle": [1000]}
    main(__doc__, declare, Found(), measureAll, report, quick)
