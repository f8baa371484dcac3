"""
Which workers one template can fork.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.wire.bootstrap import SCRIPT

# What the interpreter, its libraries and Twisted look at once, at their start; all other
# variables a worker finds as they are when it is forked.
EARLY = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_", "OPENSSL_", "SSL_")


@frozen
class Kind:
    """
    What they have alike.

    @ivar argv: The whole command; of a script, without what each is given for itself.
    @ivar main: The module whose C{main} they run.
    @ivar path: Their C{sys.path}.
    @ivar early: What of the environment is looked at once.
    @ivar user: Their uid and gid.
    @ivar generation: Of another one the files may be others.
    @ivar warm: What they have imported.
    @ivar standing: What a process hands on to those that it starts, and none can change
        or regain by itself: who gives up rights gives them up for all that are to come.
    """

    argv: Sequence[str]
    main: str
    path: Sequence[str]
    early: Sequence[tuple[str, str]]
    user: tuple[int | None, int | None]
    generation: int
    warm: str
    standing: Sequence[object]

    @classmethod
    def of(cls, recipe: Recipe) -> Kind:
        """
        That of a worker.
        """
        # What is imported depends on the command, where that is twistd's.
        alike = evolve(recipe, command=()) if recipe.main == SCRIPT else recipe
        return cls(
            tuple(alike.argv()),
            recipe.main,
            tuple(map(os.fspath, recipe.origin.path)),
            tuple(sorted(_early(recipe.variables()))),
            (recipe.uid, recipe.gid),
            recipe.generation,
            recipe.warm,
            _standing(),
        )


def _early(environment: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    return [one for one in environment.items() if one[0].startswith(EARLY)]


def _standing() -> Sequence[object]:
    """
    This process's: users and groups, root directory, niceness, processors.
    """
    if not hasattr(os, "getresuid"):
        return ()
    root = os.stat("/")
    who = (os.getresuid(), os.getresgid(), *os.getgroups())
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    return (*who, (root.st_dev, root.st_ino), nice, frozenset(os.sched_getaffinity(0)))
