"""
Loads of many kinds, and how many workers of 2 to 8 each of them gets, as a table.

C{python -m tests.testing.scaling_rows} prints it.
"""

from __future__ import annotations

from attrs import frozen

from twisted_cluster.core.scaling import Span
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.testing.distributions import (
    Arrivals,
    Distribution,
    bursts,
    changing,
    closed,
    exponential,
    pareto,
    poisson,
    waves,
)
from twisted_cluster.testing.scaled import Growth, simulateScaling
from twisted_cluster.testing.scenario import Scenario

SPAN = Span(2, 8)
USUAL = exponential(0.05)


@frozen
class Row:
    """
    @ivar needs: How many workers would be busy all the time, in words.
    @ivar turns: How often it may change its mind.
    """

    needs: str
    arrivals: Arrivals
    connections: int
    turns: int = 0
    service: Distribution = USUAL

    def grow(self) -> Growth:
        """
        Let them come.
        """
        scenario = Scenario(
            arrivals=self.arrivals, service=self.service, connections=self.connections
        )
        return simulateScaling(scenario, RoundRobin(), SPAN)


ROWS = {
    "steady, little": Row("1", poisson(20), 24_000),
    "steady": Row("2", poisson(40), 144_000),
    "steady, much": Row("4.2", poisson(84), 100_000),
    "a few that take very long": Row("2", poisson(40), 48_000, 0, pareto(0.05)),
    "80 at once, every 2 s": Row("2", bursts(40, 80), 48_000),
    "a step up, and back after 10 min": Row(
        "1, 5, 1",
        changing(100, lambda now: 100.0 if 300 <= now < 900 else 20.0),
        90_000,
        1,
    ),
    "a wave each 20 min": Row("0.5 to 5.5", waves(10, 110, 1200), 140_000, 3),
    "a wave each minute": Row("0.5 to 5.5", waves(10, 110, 60), 72_000),
    "64 clients that wait for their answers": Row("5.8", closed(64, 0.5), 100_000),
    "more than there can be": Row("10", poisson(200), 60_000),
}


def lineOf(name: str, row: Row, growth: Growth) -> str:
    """
    @return: A line of the table.
    """
    course = " ".join(f"{count} ({since:.0f} s)" for since, count in growth.course[1:])
    return (
        f"| {name} | {row.needs} | {growth.seconds / 60:.0f} min | {growth.changes} | "
        f"{growth.turns} | {course or 'stays at 2'} |"
    )


if __name__ == "__main__":
    print("| load | busy workers | for | changes | turns | how many, and since when |")
    print("|---|---|---|---|---|---|")
    for name, row in ROWS.items():
        print(lineOf(name, row, row.grow()), flush=True)
