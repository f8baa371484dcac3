"""
What each generation of workers is made of.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from attrs import evolve
from twisted.logger import Logger

from twisted_cluster.errors import CommandError
from twisted_cluster.primary.lives.origin import LastingPath, Origin
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rundir import RunDirectory

log = Logger()

Change = Callable[[LastingPath], LastingPath]


class Releases:
    """
    A generation's workers are started alike, however late; also in a release that the
    next one has taken the place of.
    """

    def __init__(self, recipe: Recipe, follow: bool = False) -> None:
        """
        @param recipe: Of the first generation.
        @param follow: Whether each goes where the paths of the first lead by then.
        """
        self._recipes = {recipe.generation: recipe}
        self._follow = follow
        self._here = _here()
        self._places = {recipe.generation: self._here}
        self._last = recipe.generation

    def of(self, generation: int) -> Recipe:
        """
        How workers of a generation are started.
        """
        return self._recipes[generation]

    def next(self, current: int, directory: str | None = None) -> int:
        """
        Another generation.

        @param current: The one that serves.
        @param directory: The release's, in the place of the one that this process was
            started in; L{None}: as before.
        @return: Its number.
        @raise CommandError: If nobody can run there.
        """
        recipe, here = self._recipes[current], self._places[current]
        if directory is not None:
            to = LastingPath.of(os.path.abspath(directory))
            _check(to, recipe)
            recipe, here = _moved(recipe, here, to), to
        elif self._follow and here is not None:
            here = here.anew()
            _check(here, recipe)
            recipe = _placedIn(_changed(recipe, LastingPath.anew), here)
        elif self._follow:
            recipe = _changed(recipe, LastingPath.anew)
        self._last += 1
        self._recipes[self._last] = evolve(recipe, generation=self._last)
        self._places[self._last] = here
        return self._last

    def forgetAllBut(self, *generations: int) -> None:
        """
        Others are started no more.
        """
        for kept in (self._recipes, self._places):
            for number in list(kept):
                if number not in generations:
                    del kept[number]


def _here() -> LastingPath | None:
    try:
        return LastingPath.of(os.getcwd())
    except OSError:
        return None


def _check(directory: LastingPath, recipe: Recipe) -> None:
    """
    @raise CommandError: If nobody can run there.
    """
    where = os.fspath(directory)
    try:
        there = os.stat(os.path.join(directory, "."))
    except OSError as error:
        raise CommandError(f"nobody can run in {where}: {error.strerror}") from None
    # As it may be meant: who deploys need not be who serves.
    if there.st_mode & stat.S_IWOTH:
        log.warn(
            "anybody may write in {directory}, which workers run in", directory=where
        )
    elif there.st_uid not in {0, os.getuid(), os.geteuid(), recipe.uid}:
        log.warn(
            "uid {uid} decides what workers run: {directory} is that user's",
            directory=where,
            uid=there.st_uid,
        )


def _moved(recipe: Recipe, old: LastingPath | None, new: LastingPath) -> Recipe:
    if old is None:
        return _placedIn(recipe, new)
    return _placedIn(_changed(recipe, lambda path: path.moved(old, new)), new)


def _placedIn(recipe: Recipe, here: LastingPath) -> Recipe:
    environment = {**recipe.environment, "PWD": here.called}
    return evolve(recipe, directory=here, environment=environment)


def _changed(recipe: Recipe, change: Change) -> Recipe:
    """
    @return: The same with all its paths changed.
    """
    origin, rundir = recipe.origin, recipe.rundir
    return evolve(
        recipe,
        command=[
            change(one) if isinstance(one, LastingPath) else one for one in recipe.command
        ],
        origin=Origin(
            change(origin.directory),
            origin.name,
            origin.options,
            [change(path) for path in origin.path],
        ),
        rundir=rundir and RunDirectory(change(rundir.start), change(rundir.run)),
    )
