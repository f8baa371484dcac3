"""
What twistd's own options mean for the workers of C{twistd cluster}.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Mapping
from functools import partial

from attrs import evolve
from twisted.python.usage import UsageError

from twisted_cluster.admin.spec import ControlSpec
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.lives.origin import LastingPath
from twisted_cluster.primary.lives.output import Output
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rundir import RunDirectory
from twisted_cluster.wire.order import currentUmask

READING, WRITING = 0, 1
# What a daemon of twistd sets where nothing is said.
DAEMONS_UMASK = 0o077
REFUSED = {
    "chroot": "--chroot: workers would have to be started inside, where there is no "
    "Python; run all of it inside: chroot DIRECTORY twistd cluster ...",
    "debug": "twistd's --debug would debug the primary, which has no application: call "
    "breakpoint() in the application, and run 'twistd -n cluster --workers 1 ...' at a "
    "terminal",
    # twistd itself would take no notice of it.
    "python": "-y stands before 'cluster': put it behind, twistd -n cluster -y FILE",
}


def refuse(options: Mapping[str, object]) -> None:
    """
    @param options: twistd's, or those of another command that has some of them.
    @raise UsageError: If workers cannot do the same.
    """
    for name, why in REFUSED.items():
        if options.get(name):
            raise UsageError(why)
    run = str(options.get("rundir") or ".")
    if run != "." and not os.path.isdir(run):
        raise UsageError(f"--rundir {run}: there is no such directory")


def likeTwistd(config: ClusterConfig, options: Mapping[str, object]) -> ClusterConfig:
    """
    Workers do what twistd would do itself.

    @param options: What L{refuse} has let pass.
    """
    recipe = config.recipe
    for change in (_profiled, _umasked, _moved, _leftOpen):
        recipe = change(recipe, options)
    recipe = evolve(recipe, program=sys.argv[0] if sys.argv else "")
    # Of several workers none would know who is meant.
    if config.span.most == 1 and options.get("nodaemon", True):
        output = partial(Output, reads=True)
        recipe = evolve(recipe, terminal=isAtTerminal(), newOutput=output)
    return evolve(config, recipe=recipe)


def controlled(
    config: ClusterConfig, options: Mapping[str, object], isSaid: bool
) -> ClusterConfig:
    """
    There is a control socket, unless somebody says that there is none: it is called after
    twistd's pid file, and belongs to who twistd becomes.

    @param isSaid: Whether it was said where it is to be.
    """
    if isSaid and config.control is None:
        return config
    path = "" if config.control is None else config.control.path
    uid = options.get("uid")
    spec = ControlSpec(
        path, str(options.get("pidfile") or ""), uid if isinstance(uid, int) else None
    )
    return evolve(config, control=spec)


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


def _umasked(recipe: Recipe, options: Mapping[str, object]) -> Recipe:
    """
    It reads its options with the umask of now, and sets then what twistd does.
    """
    umask = options.get("umask")
    if umask is None and not options.get("nodaemon", True):
        umask = DAEMONS_UMASK
    if umask is None:
        return recipe
    before = currentUmask()
    return evolve(recipe, umask=before, command=[f"--umask={umask:o}", *recipe.command])


def _moved(recipe: Recipe, options: Mapping[str, object]) -> Recipe:
    """
    It reads its options where this is now, and goes then where twistd does.
    """
    run = str(options.get("rundir") or ".")
    if run == ".":
        return recipe
    try:
        start = os.getcwd()
    except OSError:
        return recipe
    moved = RunDirectory(LastingPath.of(start), LastingPath.of(os.path.abspath(run)))
    return evolve(recipe, rundir=moved)


def _leftOpen(recipe: Recipe, options: Mapping[str, object]) -> Recipe:
    """
    It has what the shell, or another launcher, has opened for the command.
    """
    return evolve(recipe, inherited=recipe.inherited.withOthers())


def isAtTerminal() -> bool:
    """
    Whether a person sits here who sees what is written, and can answer.
    """
    try:
        mode = fcntl.fcntl(READING, fcntl.F_GETFL) & os.O_ACCMODE
    except OSError:
        return False
    return mode == os.O_RDWR and os.isatty(READING) and os.isatty(WRITING)
