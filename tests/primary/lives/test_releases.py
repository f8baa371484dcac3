"""
What each generation is made of.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from attrs import evolve

from tests.logged import Logged
from tests.process.somebody import asRoot
from twisted_cluster.errors import CommandError
from twisted_cluster.primary.lives.origin import LastingPath, Origin
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.releases import Releases


@pytest.fixture
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    A link to the first of two releases, which this process is in.
    """
    for number in "12":
        (tmp_path / number / "library").mkdir(parents=True)
        (tmp_path / number / "app.tac").write_text("")
    link = tmp_path / "current"
    link.symlink_to("1")
    monkeypatch.chdir(link)
    monkeypatch.setenv("PWD", str(link))
    return link


def switch(link: Path) -> None:
    link.unlink()
    link.symlink_to("2")


def recipe(current: Path) -> Recipe:
    """
    Of what runs a file below that link.
    """
    path = [LastingPath.of(str(current / "library")), LastingPath.of("/usr/lib")]
    origin = Origin(LastingPath.of("/usr/bin"), "python", [], path)
    return Recipe(["-y", LastingPath.of(os.path.abspath("app.tac"))], origin=origin)


def pathsOf(made: Recipe) -> list[str]:
    return [os.path.realpath(one) for one in (made.command[1], made.origin.path[0])]


def below(release: Path) -> list[str]:
    return [str(release / "app.tac"), str(release / "library")]


def test_generationsAreAlike(current: Path) -> None:
    """
    Where nothing else is said the next one is as the one before, but for its number; also
    when the link is switched.
    """
    releases = Releases(recipe(current))
    switch(current)
    assert releases.next(1) == 2
    assert releases.of(2).generation == 2
    assert pathsOf(releases.of(2)) == below(current.parent / "1")


def test_linksAreFollowed(current: Path) -> None:
    """
    What is above them stays.
    """
    releases = Releases(recipe(current), follow=True)
    switch(current)
    made = releases.of(releases.next(1))
    assert pathsOf(made) == below(current.parent / "2")
    assert os.path.realpath(made.directory or "") == str(current.parent / "2")
    assert os.fspath(made.origin.path[1]) == "/usr/lib"
    assert pathsOf(releases.of(1)) == below(current.parent / "1")


def test_aDirectoryTakesThePlaceOfTheFirst(current: Path) -> None:
    """
    And of the second, if that is the one that serves.
    """
    releases, there = Releases(recipe(current)), current.parent / "2"
    second = releases.next(1, str(there))
    assert pathsOf(releases.of(second)) == below(there)
    third = releases.next(second, str(current.parent / "1"))
    assert pathsOf(releases.of(third)) == below(current.parent / "1")


def test_nobodyRunsNowhere(current: Path) -> None:
    """
    And no generation is lost by that.
    """
    releases = Releases(recipe(current))
    with pytest.raises(CommandError, match=r"nobody can run in .*3: No such file"):
        releases.next(1, str(current.parent / "3"))
    assert releases.next(1) == 2


def test_whatIsStartedNoMoreIsForgotten(current: Path) -> None:
    """
    All but those that are named.
    """
    releases = Releases(recipe(current))
    releases.next(1)
    releases.forgetAllBut(2)
    with pytest.raises(KeyError):
        releases.of(1)
    assert releases.of(2).generation == 2


def test_whereAnybodyMayWriteIsSaid(current: Path, logged: Logged) -> None:
    """
    Also with the bit by which only its owner may take a file away.
    """
    releases = Releases(recipe(current))
    second = current.parent / "2"
    for mode in (0o777, 0o1777, 0o775):
        second.chmod(mode)
        releases.next(1, str(second))
    said = f"anybody may write in {second}, which workers run in"
    assert logged.texts() == [said] * 2


@asRoot
def test_whoseReleaseItIsIsSaid(current: Path, logged: Logged) -> None:
    """
    Unless it is root's, or of who runs it.
    """
    releases = Releases(evolve(recipe(current), uid=65533))
    second = current.parent / "2"
    for uid in (0, 65533, 65534):
        os.chown(second, uid, -1)
        releases.next(1, str(second))
    (said,) = logged.texts()
    assert said == f"uid 65534 decides what workers run: {second} is that user's"
