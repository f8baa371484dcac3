"""
What all benchmarks do alike: read the command line, see whether the machine is calm,
measure, and print what was found, however that ends.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from machine import look

HERE = Path(__file__).resolve().parent
TOP = next(folder for folder in HERE.parents if (folder / "pyproject.toml").exists())
NOT_CALM = 3
Found = TypeVar("Found")


def main(
    doc: str,
    declare: Callable[[argparse.ArgumentParser], object],
    found: Found,
    measure: Callable[[argparse.Namespace, Found], object],
    report: Callable[[argparse.Namespace, Found], object],
    quick: Mapping[str, object],
) -> None:
    """
    @param doc: The script's docstring, whose first paragraph C{--help} says.
    @param declare: Adds the script's options.
    @param measure: Called with what was asked for, to which C{calm} is added: what the
        machine is like.
    @param found: Where it adds what it finds, so that an early end loses none.
    @param quick: What C{--quick} changes, by the names of options.
    """
    asked = _asked(doc, declare, quick)
    endOnSignals()
    _allowDescriptors()
    try:
        asked.calm = _calm(asked.strict, not asked.quick)
        try:
            measure(asked, found)
        finally:
            report(asked, found)
            print(f"\n{asked.calm}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _asked(
    doc: str,
    declare: Callable[[argparse.ArgumentParser], object],
    quick: Mapping[str, object],
) -> argparse.Namespace:
    """
    Read the command line.
    """
    parser = argparse.ArgumentParser(description=doc.strip().partition("\n\n")[0])
    declare(parser)
    parser.add_argument("--strict", action="store_true", help="measure nothing on a "
                        "machine that is not calm")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a look, no figures")
    if parser.parse_args().quick:
        parser.set_defaults(**quick)
    return parser.parse_args()


def _calm(strict: bool, patient: bool) -> str:
    """
    Look at the machine.

    @param strict: Whether to end where it is not calm.
    @param patient: Whether to wait for that.
    """
    calm = look(patient)
    say(str(calm))
    if strict and not calm.isCalm:
        sys.exit(NOT_CALM)
    return str(calm)


def endOnSignals() -> None:
    """
    Make SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that nothing is left over.
    """

    def leave(number: int, frame: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


def _allowDescriptors() -> None:
    """
    As many as may be: clients take one each.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def say(text: str) -> None:
    """
    Progress, kept apart from the table.
    """
    print(text, file=sys.stderr, flush=True)


# Telling


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """
    @return: Markdown, aligned: the first two columns to the left, the others right.
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]

    def text(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ]
        return f"| {' | '.join(cells)} |"

    rule = "|".join("-" * (w + 1) + ("-" if i < 2 else ":") for i, w in enumerate(widths))
    return "\n".join([text(lines[0]), f"|{rule}|", *map(text, lines[1:])])


def micros(seconds: float | None) -> str:
    """
    @return: Microseconds as text; a dash for None.
    """
    return "-" if seconds is None else f"{seconds * 1e6:.1f}"


def millis(seconds: float) -> str:
    """
    @return: Milliseconds as text.
    """
    return f"{seconds * 1e3:.2f}"


# Pages that benchmarks write into


def marks(writer: str) -> tuple[str, str]:
    """
    @param writer: The command that writes.
    @return: What stands in a page before and after what it writes.
    """
    return f"<!-- written by {writer} -->", "<!-- end -->"


def written(page: Path, writer: str) -> str:
    """
    @return: What C{writer} has written into a page that has its marks.
    """
    begin, end = marks(writer)
    return page.read_text().partition(begin)[2].partition(end)[0]


def write(page: Path, writer: str, text: str) -> None:
    """
    Put a text there, instead of what it had written.

    @raise ValueError: If the page has no marks of this writer.
    """
    begin, end = marks(writer)
    before, found, rest = page.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{page} has no line {begin}, or no {end} after it")
    page.write_text(f"{before}{begin}\n{text}{end}{after}")
