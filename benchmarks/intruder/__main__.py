"""
What the clients of others notice while one worker does harm.

    python -m benchmarks.intruder [--quick] [--only PART-OR-WORDS...] [--rounds 3]
        [--seconds 3] [--write docs/security.md]
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from harness import main, say

from benchmarks.intruder import page
from benchmarks.intruder.controls import CONTROLS
from benchmarks.intruder.measuring import HEADER, OVER, Measured, measure
from tests.intrusions.case import Intrusion
from tests.intrusions.every import EVERY, PARTS

CASES = {**{case.name: case for case in CONTROLS}, **EVERY}


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    add = parser.add_argument
    add("--only", nargs="+", metavar="PART-OR-WORDS",
        help=f"{', '.join(PARTS)}, or some words of what it does")  # fmt: skip
    add("--rounds", type=int, default=3, help="clusters for each case [3]")
    add("--seconds", type=float, default=3.0,
        help="before the attack, and again from it on [3]")  # fmt: skip
    add("--write", type=Path, metavar="PAGE", help="put the table there, at its marker")


def isMeant(case: Intrusion, only: list[str] | None) -> bool:
    """
    Whether the command line names it; what cases are compared with always is.
    """
    return (
        only is None
        or case in CONTROLS
        or any(case in PARTS.get(word, ()) or word in case.name for word in only)
    )


def measureAll(asked: argparse.Namespace, found: dict[str, Measured]) -> None:
    """
    @param found: Where to put what cases came to, by name; not those whose cluster did
        not come through.
    """
    for name, case in CASES.items():
        if not isMeant(case, asked.only) or (case.uid is not None and os.getuid()):
            continue
        say(name)
        try:
            found[name] = measure(case, asked.rounds, asked.seconds)
            say(f"    {found[name].cells(controlsIn(found))[1:]}")
        except AssertionError as error:
            say(f"    does not come through: {error}")


def controlsIn(found: Mapping[str, Measured]) -> list[Measured]:
    """
    @return: Those that cases are compared with.
    """
    return [found[case.name] for case in CONTROLS if case.name in found]


def report(asked: argparse.Namespace, found: dict[str, Measured]) -> None:
    """
    Print the table, and write it where that was asked for.
    """
    controls = controlsIn(found)
    rows = {name: measured.cells(controls) for name, measured in found.items()}
    print(page.table(HEADER, list(rows.values())))
    if asked.write:
        lines = {name: page.table(row, []).splitlines()[0] for name, row in rows.items()}
        page.write(asked.write, HEADER, lines, list(CASES))
    for name, measured in found.items():
        if measured not in controls and measured.within(controls) == OVER:
            say(f"over the bar: {name}")


if __name__ == "__main__":
    main(__doc__, declare, {}, measureAll, report, {"rounds": 1, "seconds": 1.0})
