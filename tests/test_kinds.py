"""
Kinds of reactors, without installing one.
"""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from twisted.internet.pollreactor import PollReactor
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.testing import MemoryReactor

from twisted_cluster.errors import StartError
from twisted_cluster.kinds import checkedPosix, installKind, kindOf


class Own(PollReactor):
    """
    A program's, of which only it knows.
    """


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """
    A module with a reactor, and what installs it.
    """
    module = ModuleType("third_party")
    monkeypatch.setitem(sys.modules, "third_party", module)
    names = {"__module__": "third_party"}
    module.Third = type("Third", (SelectReactor,), names)  # type: ignore[attr-defined]
    module.install = lambda: None  # type: ignore[attr-defined]
    return module


def named(kind: type) -> str:
    """
    What a reactor of that kind is called.
    """
    return kindOf(object.__new__(kind))


def test_kindsHaveNames(third: ModuleType) -> None:
    """
    A short name, or that of the module that installs it, or that of what it is made of.
    """
    assert named(PollReactor) == "poll"
    assert named(Own) == "poll"
    assert named(third.Third) == "third_party"
    assert named(MemoryReactor) == MemoryReactor.__module__


def test_whatCannotBeInstalledSaysSo() -> None:
    """
    In one line, whatever the reason.
    """
    for kind in ("no_such_module_at_all", "json"):
        with pytest.raises(StartError, match=f"the reactor '{kind}': .*--reactor=NAME"):
            installKind(kind)


def test_onlyPosixReactorsWillDo() -> None:
    """
    Others cannot read wires.
    """
    with pytest.raises(TypeError, match="MemoryReactor is no posix reactor"):
        checkedPosix(MemoryReactor())
