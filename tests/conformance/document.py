"""
python -m tests.conformance.document: write docs/conformance.md from the tests and from
what was measured on Node.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conformance.rows import LEFT, SECTIONS, Row, Section, found

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "conformance.md"
MEASURED = Path(__file__).parent / "node" / "measured.json"

INTRODUCTION = """\
# Conformance with Node's cluster module

`from twisted_cluster import cluster` is Node's `cluster` in Python: the same names,
the same events, the same order. This page says, case by case, what Node does and what
happens here. It is generated: by `python -m tests.conformance.document`, from the
tests in `tests/conformance/` (one for each row, named after it, with real processes)
and from what the scripts in `tests/conformance/node/` found on Node {node}, run by
`python -m tests.conformance.node`.

What differs on purpose:

- **Port 0.** Node pairs the n-th `listen(0)` of every worker, at any time. Here that
  rule holds until the reactor runs; later, port 0 is the worker's own unless it is
  given a name (`name="admin"`): an FTP server's data port must not be shared with
  other workers.
- **Events and callbacks.** A listener may take fewer arguments than its event has,
  and may be a coroutine function; an exception in one is logged and ends nothing.
  Where Node takes a callback there is a Deferred, and `await
  cluster.when("listening")` beside `on`, `once` and `off`. An unknown event name is
  an error.
- **Misuse is an error at once**: `fork()` in a worker, settings of a wrong type, a
  scheduling policy after the first fork. Node ignores or asserts.
- **Life.** Twisted's reactor does not end when it has nothing left to do, so nothing
  is `ref`-ed. A worker ends when it is disconnected and its connections have ended,
  after `drainTimeout` at the latest; SIGTERM drains, too. What is in JavaScript
  `undefined` is `None`.
- **The rows X01 to X20** at the end, where Node is known to misbehave.
"""


def page() -> str:
    """
    All of docs/conformance.md.
    """
    measured = json.loads(MEASURED.read_text())
    rows = {row.name: row for row in found()}
    parts = [INTRODUCTION.format(node=measured["node"])]
    parts += [_table(section, rows, measured) for section in SECTIONS]
    parts.append("\n".join(_left()))
    return "\n".join(parts)


def _table(section: Section, rows: dict[str, Row], measured: dict[str, Any]) -> str:
    lines = [
        f"## {section.title}",
        "",
        f"| Row | Behaviour | Node {measured['node']} | Here | Difference, and why |",
        "|---|---|---|---|---|",
    ]
    for name in section.rows:
        if name in rows:
            row = rows[name]
            said = measured["rows"].get(name, {}).get("says", "not measured")
            cells = [name, row.behaviour, said, row.ours, row.difference or "none"]
            lines.append(f"| {' | '.join(map(_cell, cells))} |")
    return "\n".join([*lines, ""])


def _left() -> Iterator[str]:
    yield from ("## What does not apply", "", "| Row | Behaviour | Why not |")
    yield "|---|---|---|"
    for name, left in LEFT.items():
        yield f"| {name} | {_cell(left.behaviour)} | {_cell(left.reason)} |"
    yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
