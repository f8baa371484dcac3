"""
The table in a page, between markers. What has been measured takes the place of what was
there; rows of cases that are no more go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import harness

WRITER = "python -m benchmarks.intruder"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """
    @return: Markdown.
    """
    lines = [list(header), ["---"] * len(header), *map(list, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(
    page: Path, header: Sequence[str], rows: Mapping[str, str], order: Sequence[str]
) -> None:
    """
    Put rows into the table of a page that has the marks.

    @param rows: Lines of Markdown, by their first cell.
    @param order: The first cells, as they are to stand.
    """
    old = harness.written(page, WRITER)
    known = {_first(line): line for line in old.splitlines() if line.startswith("|")}
    known.update(rows)
    lines = [known[name].strip() for name in order if name in known]
    body = "".join(f"{line}\n" for line in lines)
    harness.write(page, WRITER, f"{table(header, [])}{body}")


def _first(line: str) -> str:
    return line.strip("| ").partition(" | ")[0]
