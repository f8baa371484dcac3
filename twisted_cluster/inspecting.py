"""
What twistd's options for looking into a process mean for the workers of C{twistd
cluster}, and who has its terminal.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from functools import partial

from attrs import evolve
from twisted.python.usage import UsageError

from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.lives.output import Output
from twisted_cluster.primary.lives.recipe import Recipe

READING, WRITING = 0, 1


def inspected(config: ClusterConfig, options: Mapping[str, object]) -> ClusterConfig:
    """
    @param options: twistd's, or those of another command that has some of them.
    @raise UsageError: If workers cannot do the same.
    """
    if options.get("debug"):
        raise UsageError(
            "twistd's --debug would debug the primary, which has no application: call "
            "breakpoint() in the application, and run 'twistd -n cluster --workers 1 "
            "...' at a terminal"
        )
    recipe = _profiled(config.recipe, options)
    # Of several workers none would know who is meant.
    if config.workers == 1 and options.get("nodaemon", True) and isAtTerminal():
        recipe = evolve(recipe, terminal=True, newOutput=partial(Output, terminal=True))
    return evolve(config, recipe=recipe)


def _profiled(recipe: Recipe, options: Mapping[str, object]) -> Recipe:
    """
    A worker writes a profile of its own (L{twisted_cluster.worker.__main__}).
    """
    if not options.get("profile"):
        return recipe
    more = [f"--profile={options['profile']}", f"--profiler={options['profiler']}"]
    if options.get("savestats"):
        more.append("--savestats")
    return evolve(recipe, command=[*more, *recipe.command])


def isAtTerminal() -> bool:
    """
    Whether a person sits here who sees what is written, and can answer.
    """
    try:
        mode = fcntl.fcntl(READING, fcntl.F_GETFL) & os.O_ACCMODE
    except OSError:
        return False
    return mode == os.O_RDWR and os.isatty(READING) and os.isatty(WRITING)
