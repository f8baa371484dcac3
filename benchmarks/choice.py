"""
What does a policy's choice cost, among workers of which the primary reads the pages?

    python benchmarks/choice.py [POLICY...]
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Sequence

from harness import table

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


def cost(policy: ISchedulingPolicy, ready: Sequence[Hand]) -> float:
    """
    In microseconds.
    """
    facts = connectionFrom()
    choose = policy.choose
    spent = timeit.repeat(lambda: choose(facts, ready), number=CHOICES, repeat=ROUNDS)
    return min(spent) / CHOICES * 1e6


def main() -> None:
    """
    Print the table, in microseconds.
    """
    rows = []
    for name in sys.argv[1:] or POLICIES:
        for waiting in (0, 1):
            costs = [
                f"{cost(parsePolicy(name)(), workers(count, waiting)):.2f}"
                for count in WORKERS
            ]
            rows.append([name, "something" if waiting else "nothing", *costs])
    heads = [f"{count} workers, µs" for count in WORKERS]
    print(table(["policy", "has not taken", *heads], rows))


if __name__ == "__main__":
    main()
