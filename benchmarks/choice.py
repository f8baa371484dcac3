"""
What does a policy's choice cost, among workers of which the primary reads the pages?

    python benchmarks/choice.py [POLICY...]
"""

from __future__ import annotations

import argparse
import sys
import timeit
from collections.abc import Sequence

from harness import TOP, main, table

sys.path.insert(0, str(TOP))
from twisted_cluster.core.member import Post
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.plugins import parsePolicy
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.testing.facts import connectionFrom
from twisted_cluster.wire.handoff import HandoffQueue
from twisted_cluster.wire.page import Page

POLICIES = ("round-robin", "power-of-two", "least-connections", "least-lag")
WORKERS = (2, 16, 64)
CHOICES = 2000
ROUNDS = 7


def workers(count: int, waiting: int) -> Sequence[Hand]:
    """
    @param waiting: How many connections each of them has not taken.
    """
    made = []
    for number in range(1, count + 1):
        page = Page.create()
        page.opened, page.closed, page.taken = 7 + number % 3, 3, 9
        hand = Hand(Post(number, number), page, HandoffQueue())
        page.taken -= waiting
        made.append(hand)
    return tuple(made)


def cost(policy: ISchedulingPolicy, ready: Sequence[Hand], choices: int) -> float:
    """
    In microseconds.
    """
    facts = connectionFrom()
    choose = policy.choose
    spent = timeit.repeat(lambda: choose(facts, ready), number=choices, repeat=ROUNDS)
    return min(spent) / choices * 1e6


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    parser.add_argument("policies", nargs="*", default=POLICIES, metavar="POLICY")
    parser.add_argument("--choices", type=int, default=CHOICES, help=f"[{CHOICES}]")


def measure(asked: argparse.Namespace, rows: list[list[str]]) -> None:
    """
    Add the rows of the table, in microseconds.
    """
    for name in asked.policies:
        for waiting in (0, 1):
            costs = [
                f"{cost(parsePolicy(name)(), workers(count, waiting), asked.choices):.2f}"
                for count in WORKERS
            ]
            rows.append([name, "something" if waiting else "nothing", *costs])


def report(asked: argparse.Namespace, rows: list[list[str]]) -> None:
    """
    Print the table.
    """
    heads = [f"{count} workers, µs" for count in WORKERS]
    print(table(["policy", "has not taken", *heads], rows))


if __name__ == "__main__":
    main(__doc__, declare, [], measure, report, {"choices": CHOICES // 10})
