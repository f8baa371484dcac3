"""
Outcomes of several policies, one line each.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_cluster.testing.outcome import Outcome

# More workers than this, and only the least and the greatest share are shown.
SHOWN = 8
HEAD = ("policy", "share of each worker, %", "CV", "mean", "p50", "p99", "max", "queue")


def tableOf(outcomes: Sequence[Outcome]) -> str:
    """
    Times in milliseconds; C{CV} is the coefficient of variation of the shares;
    C{queue}, how many were waiting to be served, on average and at most.
    """
    rows = [HEAD, *map(_row, outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [_line(row, widths) for row in rows]
    return "\n".join(lines + [_unserved(each) for each in outcomes if each.unserved])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    texts = zip(row[:2], widths[:2])
    numbers = zip(row[2:], widths[2:])
    cells = [f"{cell:<{width}}" for cell, width in texts]
    return "  ".join(cells + [f"{cell:>{width}}" for cell, width in numbers])


def _row(outcome: Outcome) -> Sequence[str]:
    times = [outcome.mean, *map(outcome.percentile, (50, 99, 100))]
    return (
        outcome.name,
        _shares(outcome.shares),
        f"{outcome.variation:.3f}",
        *(f"{time * 1000:.2f}" for time in times),
        f"{outcome.meanQueue:.1f}, {outcome.maxQueue}",
    )


def _shares(shares: Sequence[float]) -> str:
    if len(shares) > SHOWN:
        return f"{min(shares) * 100:.1f} to {max(shares) * 100:.1f}"
    return " ".join(f"{share * 100:.1f}" for share in shares)


def _unserved(outcome: Outcome) -> str:
    return f"{outcome.name}: {outcome.unserved} connections were never served"
