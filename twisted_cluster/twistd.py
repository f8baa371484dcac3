"""
What twistd's own options mean for the workers of C{twistd cluster}.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from attrs import evolve
from twisted.python.usage import UsageError

from twisted_cluster.primary.lives.origin import LastingPath
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rundir import RunDirectory

# What a daemon of twistd sets where nothing is said.
DAEMONS_UMASK = 0o077


def likeTwistd(recipe: Recipe, options: Mapping[str, object]) -> Recipe:
    """
    Workers do, when they have read their options, what twistd does then.

    @param options: twistd's, or those of another command that has some of them.
    @raise UsageError: If workers cannot do the same.
    """
    if options.get("chroot") is not None:
        raise UsageError(
            "--chroot: workers would have to be started inside, where there is no "
            "Python; run all of it inside: chroot DIRECTORY twistd cluster ..."
        )
    return _umasked(_moved(recipe, options), options)


def _moved(recipe: Recipe, options: Mapping[str, object]) -> Recipe:
    run = str(options.get("rundir") or ".")
    if run == ".":
        return recipe
    try:
        start = os.getcwd()
    except OSError:
        return recipe
    # Relative to where this is now, which is not where workers will be asked for.
    moved = RunDirectory(LastingPath.of(start), LastingPath.of(os.path.abspath(run)))
    return evolve(recipe, rundir=moved)


def _umasked(recipe: Recipe, options: Mapping[str, object]) -> Recipe:
    umask = options.get("umask")
    if umask is None and _isDaemon(options):
        umask = DAEMONS_UMASK
    if umask is None:
        return recipe
    before = os.umask(0)
    os.umask(before)
    return evolve(recipe, umask=before, command=[f"--umask={umask:o}", *recipe.command])


def _isDaemon(options: Mapping[str, object]) -> bool:
    return not options.get("nodaemon", True) and not options.get("debug")
