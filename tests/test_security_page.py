"""
docs/security.md names tests that there are.
"""

from __future__ import annotations

import re

import pytest

from tests.intrusions.every import EVERY
from tests.process.cluster import ROOT

PAGE = (ROOT / "docs/security.md").read_text().partition("\n## Measured\n")[0]
HEADER = "| can / cannot | how | test |"
DEFINED = re.compile(r"^(?:async )?def (test_\w+)\(", re.M)
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in DEFINED.findall(path.read_text())
}
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| ") and line != HEADER
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_everyRowHasItsTest(row: list[str]) -> None:
    """
    And no others than there are: tests, or cases. What somebody can do all the same, and
    nobody can keep him from, may have none.
    """
    what, _, shown = row
    assert re.match(r"can(not)? ", what)
    names = re.findall(r"`([^`]+)`", shown)
    assert names or (what.startswith("can ") and not shown)
    assert set(names) <= TESTS | EVERY.keys()


def test_everyCaseIsInARow() -> None:
    """
    What an intruder tries is said.
    """
    shown = " ".join(row[2] for row in ROWS)
    assert [name for name in EVERY if f"`{name}`" not in shown] == []
