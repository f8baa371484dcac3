"""
Runs a case some times, and says what it came to in a row.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve, frozen

from tests.intrusions.case import Intrusion
from tests.intrusions.ground import groundFor
from tests.intrusions.innocents import percentile
from tests.intrusions.report import Report, isWorkers
from tests.intrusions.trial import intrude

HEADER = [
    "what the worker does",
    "failed of",
    "p99 before, ms",
    "p99 attacked, ms",
    "ratio",
    "within",
    "primary's RSS, MB",
    "descriptors",
    "the log",
]
MOST_RATIO = 2.0
OVER = "**over**"
LONGEST = 110


@frozen
class Measured:
    """
    What a case came to, all rounds together.

    @ivar quiet: The waits before it, in seconds.
    @ivar attacked: Those during it.
    """

    case: Intrusion
    reports: Sequence[Report]

    @property
    def quiet(self) -> list[float]:
        return [each.wait for report in self.reports for each in report.quiet]

    @property
    def attacked(self) -> list[float]:
        return [each.wait for report in self.reports for each in report.attacked]

    @property
    def failed(self) -> int:
        """
        How many had no answer, of those whom the worker did not hold.
        """
        return sum(len(report.failed) for report in self.reports)

    @property
    def ratio(self) -> float:
        """
        How much longer the slowest hundredth waited.
        """
        return percentile(self.attacked, 99) / max(percentile(self.quiet, 99), 1e-9)

    def within(self, controls: Sequence[Measured]) -> str:
        """
        By what it is judged.

        @param controls: What only computing, or dying, costs others on this machine.
        @return: The first bar that it is within, the lowest first, or L{OVER}.
        """
        if self.failed:
            return OVER
        if self.ratio <= MOST_RATIO:
            return f"{MOST_RATIO:g} x before"
        waited = percentile(self.attacked, 99)
        bars = {each.case.name: percentile(each.attacked, 99) for each in controls}
        within = [name for name, bar in bars.items() if waited <= bar]
        return min(within, key=lambda name: bars[name], default=OVER)

    def cells(self, controls: Sequence[Measured]) -> list[str]:
        """
        The row of the table.

        @param controls: As of L{within}.
        """
        last = self.reports[-1]
        return [
            self.case.name,
            f"{self.failed} / {len(self.quiet) + len(self.attacked):,}",
            f"{percentile(self.quiet, 99) * 1e3:.1f}",
            f"{percentile(self.attacked, 99) * 1e3:.1f}",
            f"{self.ratio:.1f}",
            self.within(controls),
            f"{last.before.rss / 1e6:.1f} → {last.after.rss / 1e6:.1f}",
            f"{last.before.descriptors} → {last.after.descriptors}",
            said([line for line in last.errors if not isWorkers(line)] or last.told),
        ]


def said(errors: Sequence[str]) -> str:
    """
    @return: The first line, without its time, and with no process of this machine.
    """
    if not errors:
        return "-"
    text = re.sub(r"^\S+ (worker \d+ )?\[[^\]]*\] ", r"\1", errors[0])
    text = re.sub(r" \(\d+\)", "", text).replace("|", "\\|").replace("`", "'")
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    more = len(errors) - 1
    return f"`{text}`" + (f", and {more} more" if more else "")


def measure(case: Intrusion, rounds: int, seconds: float) -> Measured:
    """
    @param seconds: How long clients are watched before, and from the attack on.
    @raise AssertionError: If the cluster does not come through.
    """
    long = max(seconds, case.seconds)
    timed = evolve(case, code=case.code.replace("{seconds}", f"{long}"))
    reports = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as directory:
            with groundFor(timed, Path(directory)) as ground:
                reports.append(intrude(timed, ground, long, long))
    return Measured(case, reports)
