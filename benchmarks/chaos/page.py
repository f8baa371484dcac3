"""
The table in a page: rows are troubles, columns are servers. What has been measured takes
the place of what was there before; the rest stays, but for rows that are not known, as
those of another number of times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import harness

WRITER = "python -m benchmarks.chaos"
NONE = "-"
Cells = dict[str, dict[str, str]]


def rows(text: str) -> Cells:
    """
    @return: The cells of a table of Markdown, by row and column.
    """
    lines = [_cells(line) for line in text.splitlines() if line.startswith("|")]
    if not lines:
        return {}
    header, _, *rest = lines
    return {line[0]: dict(zip(header[1:], line[1:])) for line in rest}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def table(cells: Mapping[str, Mapping[str, str]], columns: Sequence[str]) -> str:
    """
    @return: The table, as Markdown.
    """
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    for row, known in cells.items():
        lines.append([row, *(known.get(column, NONE) for column in columns)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(
    page: Path, measured: Cells, order: Sequence[str], columns: Sequence[str]
) -> None:
    """
    Put cells into the table between the marks of a page, which has them.

    @param order: The rows, as they are to stand.
    """
    old = rows(harness.written(page, WRITER))
    cells = {row: known for row, known in old.items() if row in order}
    for row, known in measured.items():
        cells[row] = {**cells.get(row, {}), **known}
    ordered = {row: cells[row] for row in order if row in cells}
    harness.write(page, WRITER, table(ordered, columns))
