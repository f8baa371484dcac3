"""
What was measured, by what was measured; as a file, too.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

from load import Measurement


class Cell(NamedTuple):
    """
    One server in one situation.

    @ivar workers: How many it was started with.
    @ivar clients: How many connections at a time.
    """

    workload: str
    workers: int
    clients: int
    contestant: str


@dataclass
class Found:
    """
    @ivar runs: One measurement for each round.
    @ivar missing: Why contestants took no part, and how to get them.
    @ivar machine: What the machine was like, each time.
    """

    runs: dict[Cell, list[Measurement]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    machine: list[str] = field(default_factory=list)

    def values(self, of: str) -> list[str]:
        """
        @return: The different values of one field of the cells, in order of appearance.
        """
        return list(dict.fromkeys(getattr(cell, of) for cell in self.runs))

    def main(self) -> tuple[int, int]:
        """
        @return: The situation that one table is for, and that the bars are for: as few
            workers as there were, but more than one; the number of clients nearest to 64.
        """
        workers = sorted(self.values("workers"), key=lambda each: (each == 1, each))
        clients = sorted(self.values("clients"), key=lambda each: abs(each - 64))
        return workers[0], clients[0]

    def save(self, file: Path) -> None:
        """
        Write all of it there, as JSON.
        """
        runs = [
            [*cell, [asdict(run) for run in runs]] for cell, runs in self.runs.items()
        ]
        rest = {"missing": self.missing, "machine": self.machine}
        file.write_text(json.dumps({"runs": runs, **rest}))

    def load(self, file: Path) -> None:
        """
        Add what L{save} wrote there.
        """
        saved = json.loads(file.read_text())
        self.missing.update(saved["missing"])
        self.machine += saved["machine"]
        for *names, runs in saved["runs"]:
            known = self.runs.setdefault(Cell(*names), [])
            known += [Measurement(**run) for run in runs]


def median(runs: Sequence[Measurement]) -> Measurement:
    """
    @return: The median of each figure; of errors, the sum.
    """
    columns = {}
    for each in fields(Measurement):
        known = [value for run in runs if (value := getattr(run, each.name)) is not None]
        columns[each.name] = statistics.median(known) if known else None
    columns["errors"] = sum(run.errors for run in runs)
    return Measurement(**columns)


def spread(runs: Sequence[Measurement], figure: Callable[[Measurement], float]) -> float:
    """
    @return: Half of the way from the least to the greatest, as part of the median.
    """
    values = [figure(run) for run in runs]
    return (max(values) - min(values)) / 2 / (statistics.median(values) or 1)
