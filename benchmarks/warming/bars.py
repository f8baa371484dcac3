"""
The bars of warm starts, as far as they were measured.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

from warming.crashing import Crashes
from warming.starts import Start

HEADER = ["what", "whose", "measured", "bar", "verdict"]
WARM, COLD = "cluster-twisted", "cluster-no"
MEGA = 2**20
# Rounds differ by more.
UNCHANGED = 1.05

Runs = Mapping[tuple[str, str], Sequence[Start]]


def _median(starts: Sequence[Start], figure: str) -> float:
    return statistics.median(getattr(each, figure) for each in starts)


def _row(what: str, whose: str, value: float, limit: float, unit: str = "") -> list[str]:
    verdict = "pass" if value <= limit else "FALLS SHORT"
    return [what, whose, f"{value:.3f}{unit}", f"≤ {limit:g}{unit}", verdict]


def judged(runs: Runs) -> Iterator[list[str]]:
    """
    @return: A row for each bar, of medians.
    """
    for (app, name), starts in runs.items():
        both = list(zip(starts, runs.get((app, COLD), [])))
        if name == WARM and both:
            ratio = statistics.median(warm.first / cold.first for warm, cold in both)
            yield _row(f"{app}: first worker ready", f"{name} / {COLD}", ratio, UNCHANGED)
        if name == WARM and app == "page":
            forked, replaced = (_median(starts, each) for each in ("forked", "replaced"))
            yield _row("page: 8 ready, since the template", name, forked, 0.15, " s")
            yield _row("page: a killed one's successor ready", name, replaced, 0.05, " s")
            pss = _median(starts, "pss") / MEGA
            yield _row("page: PSS per worker", name, pss, 12, " MB")
        if app != "page" and name in (WARM, "cluster-app"):
            yield _row(f"{app}: a reload", name, _median(starts, "left"), 1.0, " s")


def crashed(runs: Mapping[str, Crashes]) -> Iterator[list[str]]:
    """
    @return: The same of crashes.
    """
    for name, each in runs.items():
        if name in (WARM, "cluster-app"):
            yield _row("crashes: waited for more than 100 ms", name, each.long, 0)
