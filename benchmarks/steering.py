"""
The kernel's choice: how even it is, and who is lost when a worker hangs or dies.

    python benchmarks/steering.py [--dispatch kernel handoff] [--rounds 5] [--quick]
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from clients import Crowd, Visit
from contestants import clustered
from harness import main, say, table
from machine import freePort
from servers import Server, running

WORKERS = 4
EVEN = ("round-robin", "least-connections")
MANY, BURST = 1000, 64
QUEUED = 400
RATE = 400.0
LATE = 0.1
# Longer than anybody hangs here.
PATIENT = ["--hang-timeout=60", "--hang-warning=50"]
HEADER = ["what", "dispatch", "policy", "rounds", "measured", "bar"]
Results = dict[tuple[str, str, str], list[float]]
BARS = {
    "one at a time: worst deviation of 1,000": "≤ 1",
    "bursts of 64: worst deviation in one": "≤ 1",
    "one at a time: CV of 1,000": "≤ 0.05",
    "a hung worker: of 1,000 beyond its hands, over 100 ms": "0",
    "a worker killed with 400 queued: reset, or not served": "0",
}
SEQUENTIAL, BURSTS, CHANCE, HUNG, KILLED = BARS


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    add = parser.add_argument
    add("--dispatch", nargs="+", default=["kernel"], help="to be compared [kernel]")
    add("--rounds", type=int, default=5, help="of each [5]")
    add("--only", nargs="+", default=list(EVEN), metavar="POLICY", help="that are even")


# How they come


def oneByOne(port: int) -> list[Visit]:
    """
    So many, each when the one before has left.
    """
    crowd = Crowd(port)
    for _ in range(MANY):
        crowd.ask()
        while crowd.waiting:
            crowd.turn(0.1)
    crowd.finish()
    return crowd.visits


def burst(port: int) -> list[Visit]:
    """
    Some at once.
    """
    crowd = Crowd(port)
    for _ in range(BURST):
        crowd.ask()
    crowd.finish()
    return crowd.visits


def deviation(server: Server, visits: Sequence[Visit]) -> float:
    """
    @return: How far the worker is from its even share that is farthest, in connections.
    """
    return max(abs(count - len(visits) / WORKERS) for count in counts(server, visits))


def counts(server: Server, visits: Sequence[Visit]) -> list[int]:
    """
    @return: How many each worker has served.
    """
    served = Counter(visit.worker for visit in visits)
    return [served[pid] for pid in server.workers]


# What is measured


def sequential(server: Server) -> float:
    """
    One after another.
    """
    return deviation(server, oneByOne(server.port))


def bursts(server: Server) -> float:
    """
    The worst of some bursts.
    """
    found = []
    for _ in range(10):
        found.append(deviation(server, burst(server.port)))
        # What has closed is told 20 times a second.
        time.sleep(0.1)
    return max(found)


def chance(server: Server) -> float:
    """
    The coefficient of variation.
    """
    each = counts(server, oneByOne(server.port))
    return statistics.pstdev(each) / statistics.fmean(each)


@contextmanager
def hanging(pids: Sequence[int]) -> Iterator[None]:
    """
    Processes that stand still.
    """
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def hung(server: Server) -> float:
    """
    A worker stands still as long as they come; whom it had begun to serve has bad luck.
    """
    crowd, victim = Crowd(server.port), server.workers[0]
    with hanging([victim]):
        begun = due = time.monotonic()
        while len(crowd.visits) < MANY:
            while due <= time.monotonic():
                crowd.ask()
                due += 1 / RATE
            crowd.turn(max(0.0, due - time.monotonic()))
        while any(not one.worker for one in crowd.visits) and _isWithin(begun):
            crowd.turn(0.1)
    crowd.finish()
    others = [visit for visit in crowd.visits if visit.worker != victim]
    return sum(visit.latency > LATE for visit in others)


def _isWithin(begun: float) -> bool:
    return time.monotonic() < begun + MANY / RATE + 2.0


def killed(server: Server) -> float:
    """
    All stand still, so that each has as many to accept; one is killed, the others go on.
    """
    crowd, [victim, *others] = Crowd(server.port), server.workers
    with hanging(others):
        os.kill(victim, signal.SIGSTOP)
        for _ in range(QUEUED * WORKERS):
            crowd.ask()
            crowd.turn(0.0)
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            crowd.turn(0.05)
        os.kill(victim, signal.SIGKILL)
    crowd.finish()
    return sum(not visit.worker for visit in crowd.visits)


# All of it


def measure(
    dispatch: str, policy: str, come: Callable[[Server], float], rounds: int
) -> list[float]:
    """
    @return: What was found in each round, of one server, or each of one of its own where
        it does not survive.
    """
    found: list[float] = []
    while len(found) < rounds:
        options = [f"--policy={policy}", f"--dispatch={dispatch}", *PATIENT]
        port = freePort()
        entry = clustered(policy, "named", port, WORKERS, [*options, "--backlog=2048"])
        with running([replace(entry, name=f"{policy}, {dispatch}")]) as servers:
            for server in servers:
                found.append(come(server))
                while come is not killed and len(found) < rounds:
                    found.append(come(server))
    return found


def run(asked: argparse.Namespace, results: Results) -> None:
    """
    All of it, dispatch by dispatch.
    """
    for what, come in [(SEQUENTIAL, sequential), (BURSTS, bursts)]:
        for policy in asked.only:
            measureAll(asked, results, what, policy, come)
    measureAll(asked, results, CHANCE, "random", chance)
    for what, come in [(HUNG, hung), (KILLED, killed)]:
        measureAll(asked, results, what, "round-robin", come)


def measureAll(
    asked: argparse.Namespace,
    results: Results,
    what: str,
    policy: str,
    come: Callable[[Server], float],
) -> None:
    """
    One bar.
    """
    for dispatch in asked.dispatch:
        say(f"{what}: {policy}, {dispatch}")
        found = measure(dispatch, policy, come, asked.rounds)
        results[what, dispatch, policy] = found


def report(asked: argparse.Namespace, results: Results) -> None:
    """
    The table, and what chance itself gives.
    """
    rows = []
    for (what, dispatch, policy), found in results.items():
        worst, middle = max(found), statistics.median(found)
        measured = f"{worst:g}"
        if what == CHANCE:
            measured = f"median {middle:.3f}, worst {worst:.3f}"
        rows.append([what, dispatch, policy, str(len(found)), measured, BARS[what]])
    print(table(HEADER, rows))
    even = math.sqrt((WORKERS - 1) / MANY)
    print(f"\nOf {MANY} connections to {WORKERS} workers chance itself gives a CV of "
          f"{even:.3f} (root mean square); half of all runs are above "
          f"{0.888 * even:.3f}.")  # fmt: skip


if __name__ == "__main__":
    main(__doc__, declare, {}, run, report, {"rounds": 1})
