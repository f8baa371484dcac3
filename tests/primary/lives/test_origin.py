"""
What is handed on of how this process was started.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.logged import logging
from twisted_cluster.primary.lives.origin import LastingPath, Origin
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rundir import RunDirectory


@pytest.fixture
def current(tmp_path: Path) -> Path:
    """
    A link to a directory, the first of two.
    """
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    link = tmp_path / "current"
    link.symlink_to("1")
    return link


def switch(link: Path) -> None:
    link.unlink()
    link.symlink_to("2")


def test_pathStaysAsItWasGiven(current: Path) -> None:
    """
    While it means the same.
    """
    given = str(current / "file")
    lasting = LastingPath.of(given)
    assert os.fspath(lasting) == given
    assert os.fsencode(lasting) == given.encode()


def test_pathMeansWhatItMeant(current: Path) -> None:
    """
    Also when a link leads elsewhere, or is gone.
    """
    lasting = LastingPath.of(str(current / "file"))
    switch(current)
    assert os.fspath(lasting) == str(current.parent / "1" / "file")
    current.unlink()
    assert os.fspath(lasting) == str(current.parent / "1" / "file")


def test_pathsBelowTheWorkingDirectoryAreFoundByItsLink(
    current: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where that was entered by one, and what the path meant is gone.
    """
    monkeypatch.chdir(current)
    monkeypatch.setenv("PWD", str(current))
    first = str(current.parent / "1" / "file")
    lasting, other = LastingPath.of(first), LastingPath.of(str(current.parent / "2"))
    assert os.fspath(lasting) == first
    switch(current)
    assert (os.fspath(lasting), lasting.isGone) == (first, False)
    shutil.rmtree(current.parent / "1")
    assert (os.fspath(lasting), lasting.isGone) == (str(current / "file"), True)
    assert (other.called, LastingPath.of(first).called) == (other.given, first)


def test_pathMeansWhatThereIsIfWhatItMeantIsGone(current: Path) -> None:
    """
    So that there is something at all.
    """
    lasting = LastingPath.of(str(current / "file"))
    switch(current)
    shutil.rmtree(current.parent / "1")
    assert os.fspath(lasting) == str(current / "file")
    with logging() as logged:
        Recipe(["-y", lasting]).placed()
    gone = current.parent / "1" / "file"
    said = f"{gone} is gone: a worker that starts now has {lasting.given} as it is now"
    assert logged.texts() == [said]


@pytest.mark.parametrize("given", ["", ".", "lib", "caf\udce9", "/caf\udce9"])
def test_anyPathIsTaken(given: str, tmp_path: Path) -> None:
    """
    A relative one without a working directory as well.
    """
    before = os.open(".", os.O_RDONLY)
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    try:
        gone.rmdir()
        assert os.fspath(LastingPath.of(given)) == given
    finally:
        os.fchdir(before)
        os.close(before)


def test_interpretersLinkIsNotFollowed(
    current: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Only those on the way to it: an environment is known by where its link is.
    """
    for name in ("1", "2"):
        (current.parent / name / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(current / "python"))
    origin = Origin.ofThisProcess()
    assert origin.executable == str(current / "python")
    switch(current)
    assert origin.executable == str(current.parent / "1" / "python")


def test_onlyTextIsOnThePath(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Python passes over what else launchers put there.
    """
    monkeypatch.setattr(sys, "path", ["/a", Path("/b"), None, "", "/c"])
    assert list(map(os.fspath, Origin.ofThisProcess().path)) == ["/a", "", "/c"]


def test_runDirectoryIsAnOption(current: Path) -> None:
    """
    It is started where the options are to be read, and told where to go.
    """
    start, run = current.parent, current.parent / "2"
    moved = RunDirectory(LastingPath.of(str(start)), LastingPath.of(str(run)))
    placed = Recipe(["web"], rundir=moved).placed()
    assert os.fspath(placed.directory or "") == str(start)
    assert placed.argv()[-2:] == [f"--rundir={run}", "web"]
    shutil.rmtree(run)
    recipe = Recipe(["web"], rundir=moved)
    assert recipe.placed() is recipe
