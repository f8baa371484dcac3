"""
One group of workers has more clients than it can serve: do they fare as with one worker
alone, and what does the other group notice?

    python benchmarks/busy_groups.py [--quick] [--seconds 10] [--rounds 3]
                                     [--clients N...]
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import suppress
from dataclasses import dataclass, field

from clients import Crowd, percentile, undisturbed
from contestants import contestant
from harness import main, millis, say, table
from machine import freePort
from servers import Server, running

ROUTE = "route:by=host,one.test=one,two.test=two"
ALONE = ("cluster-1", "plain")
TIMEOUT = 2.0  # seconds; wrk's
BETWEEN = 0.01  # seconds between the other group's clients
BAR = 1.3
HEADER = ["contestant", "clients", "answers per s", "p50 ms", "p99 ms", "max ms",
          "time-outs", "resets", "other group's p99 ms"]  # fmt: skip


@dataclass
class Spell:
    """
    What was seen with one server and one number of clients, round by round.

    @ivar resets: Clients that were hung up on.
    @ivar timeouts: Those who waited more than L{TIMEOUT} for an answer, or had none.
    """

    latencies: list[list[float]] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    resets: int = 0
    timeouts: int = 0

    def median(self, percent: float) -> float:
        """
        The median of a percentile over the rounds, in seconds.
        """
        return statistics.median(percentile(one, percent) for one in self.latencies)


Results = dict[tuple[int, str], Spell]


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    add = parser.add_argument
    add("--seconds", type=float, default=10.0, help="of each run [10]")
    add("--rounds", type=int, default=3, help="the median of the rounds counts [3]")
    add("--clients", nargs="+", type=int, default=[500, 1500], metavar="N",
        help="how many at a time [500 1500]")  # fmt: skip


# Measuring


def come(busy: Crowd, calm: Crowd, clients: int, seconds: float) -> None:
    """
    As many clients as there are ask again as soon as they have left, all of one group;
    now and then one of the other comes.
    """
    now = due = time.monotonic()
    end = now + seconds
    while now < end:
        while busy.waiting < clients:
            busy.ask()
        busy.turn(min(BETWEEN, max(0.0, due - now)))
        if now >= due:
            due = now + BETWEEN
            calm.ask()
        calm.turn(0.0)
        now = time.monotonic()


def measure(server: Server, clients: int, seconds: float, spell: Spell) -> None:
    """
    One run.

    @param spell: Where it is added.
    """
    busy = Crowd(server.port, 1, ("one.test",))
    calm = Crowd(server.port, 2, ("two.test",))
    with undisturbed():
        come(busy, calm, clients, seconds)
        busy.finish()
        calm.finish()
    answered = [visit.latency for visit in busy.visits if visit.worker]
    spell.latencies.append(answered)
    spell.others += [visit.latency for visit in calm.visits if visit.worker]
    spell.rates.append(len(answered) / seconds)
    spell.resets += busy.lost
    spell.timeouts += sum(latency > TIMEOUT for latency in answered)
    spell.timeouts += len(busy.visits) - len(answered) - busy.lost


def run(asked: argparse.Namespace, results: Results) -> None:
    """
    All contestants in turn, round after round.

    @param results: Where each round is added, so that an early end loses none.
    """
    names = [ROUTE, *ALONE]
    with running([contestant(e, "named", freePort(), 2) for e in names]) as servers:
        for turn in range(1, asked.rounds + 1):
            for clients in asked.clients:
                for server in servers:
                    name = server.name.partition(":")[0]
                    say(f"round {turn}: {name}, {clients} clients")
                    spell = results.setdefault((clients, name), Spell())
                    measure(server, clients, asked.seconds, spell)


# Telling


def row(key: tuple[int, str], spell: Spell) -> list[str]:
    """
    One line of the table.
    """
    clients, name = key
    figures = [millis(spell.median(percent)) for percent in (50, 99, 100)]
    rate = f"{statistics.median(spell.rates):.0f}"
    other = millis(percentile(spell.others, 99))
    counts = [str(spell.timeouts), str(spell.resets)]
    return [name, str(clients), rate, *figures, *counts, other]


def report(asked: argparse.Namespace, results: Results) -> None:
    """
    Print the table, and the bars.
    """
    print(table(HEADER, [row(key, spell) for key, spell in sorted(results.items())]))
    print()
    for clients in sorted({clients for clients, _ in results}):
        for name in ALONE:
            with suppress(KeyError):
                ours, theirs = results[clients, "route"], results[clients, name]
                compare(clients, name, ours, theirs)


def compare(clients: int, name: str, ours: Spell, theirs: Spell) -> None:
    """
    Print one verdict.
    """
    ratio = ours.median(99) / theirs.median(99)
    resets = max(0, ours.resets - theirs.resets)
    verdict = "pass" if ratio <= BAR and not resets else "FALLS SHORT"
    print(f"{clients} clients: p99 of route's busy group / {name} = {ratio:.2f}, "
          f"{resets} more resets (bar ≤ {BAR}, 0: {verdict})")  # fmt: skip


if __name__ == "__main__":
    main(__doc__, declare, {}, run, report, {"seconds": 3.0, "rounds": 1})
