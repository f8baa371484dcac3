"""
The catalogue of Node's cluster behaviour, and what each test says of its row.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen

Test = TypeVar("Test", bound=Callable[..., Any])


@frozen
class Row:
    """
    What docs/conformance.md says of one row.

    @ivar name: Its id, C{C45}.
    @ivar behaviour: What Node is known for, in one line.
    @ivar ours: What happens here, in one line.
    @ivar difference: From Node, and why; empty if there is none.
    """

    name: str
    behaviour: str
    ours: str
    difference: str = ""


@frozen
class Section:
    """
    A table of docs/conformance.md: the rows that have a test, in order.
    """

    name: str
    title: str
    rows: tuple[str, ...]


@frozen
class Left:
    """
    A row that does not apply.
    """

    behaviour: str
    reason: str


def row(
    name: str, *, behaviour: str, ours: str, difference: str = ""
) -> Callable[[Test], Test]:
    """
    Mark the test of a row; its name begins with C{test_C45_}.
    """

    def mark(test: Test) -> Test:
        assert test.__name__.startswith(f"test_{name}_"), test.__name__
        test.row = Row(name, behaviour, ours, difference)  # type: ignore[attr-defined]
        return test

    return mark


SECTIONS = (
    Section(
        "2a",
        "Set-up, fork, settings",
        tuple("C01 C02 C03 C04 C05 C06 C07 C08 C09 C11 C12 C13 C14 C15".split()),
    ),
    Section(
        "2b",
        "Lives, exit, kill",
        tuple("C20 C21 C23 C25 C26 C27 C28 C29 C30 C31 C32 C33 C35 C36 C37 C39".split()),
    ),
    Section(
        "2c",
        "Disconnect",
        tuple("C45 C46 C47 C49 C50 C51 C52 C53 C55 C56 C57".split()),
    ),
    Section(
        "2d",
        "Listening, ports, options",
        tuple(
            "C60 C61 C63 C65 C66 C67 C68 C69 C70 C71 C72 C73 C74 C77 C78 C79 "
            "C82 C83 C84 C85 C86".split()
        ),
    ),
    Section("2e", "Handing over", tuple("C90 C93 C95 C97".split())),
    Section("2f", "UNIX sockets", tuple("C100 C101 C102".split())),
    Section(
        "2g",
        "UDP",
        tuple("C105 C106 C107 C108 C110 C111 C113 C115 C117 C119".split()),
    ),
    Section("2h", "Handles in messages", tuple("C125 C127".split())),
    Section(
        "2j",
        "Where Node is known to misbehave",
        tuple(f"X{number:02}" for number in range(1, 21)),
    ),
)

DEBUGGER = "A debugger of V8; nothing here opens a debugging port by worker."

LEFT = {
    "C10": Left("A fork opens no console window.", "Windows only."),
    "C16": Left("Extra pipes can be made sockets in a worker.", "Tested as C09."),
    "C40": Left("Listening works with the domain module active.", "No such module."),
    "C59": Left("Workers under inspector flags disconnect as others.", DEBUGGER),
    "C94": Left(
        "Closing a clustered server lets the worker's event loop end.",
        "Twisted's reactor does not end when it has nothing to do.",
    ),
    "C96": Left(
        "A server that was unref-ed does not keep the worker.",
        "Twisted's reactor does not end when it has nothing to do.",
    ),
    "C109": Left(
        "The flag reuseAddr reaches the primary's bind.",
        "Twisted's listenUDP has no such flag; that of multicast is the worker's own.",
    ),
    "C116": Left(
        "A UDP socket unref-ed before its bind stays so.",
        "Twisted's reactor does not end when it has nothing to do.",
    ),
    "C130": Left("A worker that breaks on start can be signalled.", DEBUGGER),
    "C131": Left("Workers' debugging ports count up from the primary's.", DEBUGGER),
    "C132": Left("So they do when the primary's is 0.", DEBUGGER),
    "C133": Left("A busy debugging port ends that worker.", DEBUGGER),
    "C134": Left(
        "Broadcast and answer work as a benchmark.", "Measured in benchmarks/, not here."
    ),
    "C135": Left("setupMaster does as setupPrimary.", "A deprecated alias."),
    "C136": Left("An earlier name of C49.", "Tested as C49."),
    "C137": Left("A debugging flag in settings is where ports begin.", DEBUGGER),
    "C138": Left("Tests of disconnect and debugger before Node 8.", DEBUGGER),
}


def found() -> Iterator[Row]:
    """
    The rows of every test of this folder.
    """
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.conformance.{path.stem}")
        for test in vars(module).values():
            if isinstance(getattr(test, "row", None), Row):
                yield test.row
