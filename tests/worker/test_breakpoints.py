"""
C{breakpoint()} in a worker.
"""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from tests.logged import Logged
from twisted_cluster.wire.page import Page
from twisted_cluster.worker import debugger
from twisted_cluster.worker.breakpoints import Breakpoints


def test_whereThereIsNoTerminalEachPlaceIsSaidOnce(page: Page, logged: Logged) -> None:
    """
    However often it is passed; nothing else happens.
    """
    hook = Breakpoints(page, hasTerminal=False)
    for _ in range(3):
        assert hook() is None
    assert hook() is None
    assert len({event["line"] for event in logged.events}) == len(logged.events) == 2
    assert {event["file"] for event in logged.events} == {__file__}


def test_pdbIsTheSame(
    page: Page, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Whoever writes C{pdb.set_trace()}, or has it named by C{PYTHONBREAKPOINT}, is told
    where that is.
    """
    pdb = ModuleType("pdb")
    monkeypatch.setitem(sys.modules, "pdb", pdb)
    hook = Breakpoints(page, hasTerminal=False)
    hook.changePdb(pdb)
    pdb.set_trace(header="here")
    monkeypatch.setenv("PYTHONBREAKPOINT", "pdb.set_trace")
    hook()
    assert {event["file"] for event in logged.events} == {__file__}
    assert len({event["line"] for event in logged.events}) == 2


def test_theUsersChoiceIsTaken(
    page: Page, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    C{PYTHONBREAKPOINT}, with what is given to it.
    """
    monkeypatch.setenv("PYTHONBREAKPOINT", "builtins.dict")
    assert Breakpoints(page, hasTerminal=True)(a=1) == {"a": 1}
    assert not logged.events


def test_whoeverSitsThereIsSeenOnThePage(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    As long as the prompt is there, and no longer; that the heart has not beaten meanwhile
    is no silence.
    """
    seen: list[int] = []
    shown: list[str] = []

    class Person:
        """
        Types one command, and looks at what the primary sees.
        """

        def readline(self) -> str:
            seen.append(page.held)
            return "continue\n"

    class Screen:
        """
        Shows text.
        """

        write = shown.append

        def flush(self) -> None:
            """
            It is there.
            """

    monkeypatch.setattr(debugger, "_reading", Person)
    monkeypatch.setattr(debugger, "_writing", Screen)
    Breakpoints(page, hasTerminal=True)()
    assert seen == [1]
    assert page.held == 0
    assert page.heartbeat > 0
    assert "(Pdb) " in "".join(shown)
