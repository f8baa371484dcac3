"""
What a fork's settings come to.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeVar

from attrs import evolve

from twisted_cluster.api.ground import Ground
from twisted_cluster.api.settings import Settings
from twisted_cluster.api.streams import Streams, planned
from twisted_cluster.core.codecs import JSON
from twisted_cluster.defaults import DRAIN_TIMEOUT, STOP_TIMEOUT, TWISTED
from twisted_cluster.errors import SettingsError
from twisted_cluster.events import WAIT, Dispatch, Limits
from twisted_cluster.kinds import kindOf
from twisted_cluster.primary.lives.origin import LastingPath
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.shares import parseDispatch
from twisted_cluster.wire.bootstrap import SCRIPT

Value = TypeVar("Value")


def recipeFor(
    settings: Settings, env: Mapping[str, str], reactor: object, ground: Ground
) -> Recipe:
    """
    What such a worker is made of.

    @param env: Added to that of the settings.
    @param reactor: This process's: workers have one of the same kind unless the settings
        say otherwise.
    @param ground: What they begin with.
    @raise SettingsError: If there is no script.
    """
    cwd = settings.get("cwd")
    return Recipe(
        [*_target(ground.script), *(settings.get("args") or ())],
        main=SCRIPT,
        origin=evolve(ground.origin, options=settings.get("execArgv") or ()),
        folder=ground.folder,
        environment={**(settings.get("env") or {}), **env},
        directory=None if cwd is None else os.fspath(cwd),
        uid=settings.get("uid"),
        gid=settings.get("gid"),
        noNewPrivileges=settings.get("noNewPrivileges") or False,
        warm=settings.get("warm") or TWISTED,
        newOutput=partial(Streams, planned(settings)),
        weight=_or(settings.get("weight"), 1),
        group=settings.get("group") or "",
        generation=settings.get("generation") or 1,
        reactor=settings.get("reactor") or kindOf(reactor),
        drainTimeout=_or(settings.get("drainTimeout"), DRAIN_TIMEOUT),
        stopTimeout=_or(settings.get("stopTimeout"), STOP_TIMEOUT),
        serialization=settings.get("serialization") or JSON.name,
        outgoing=True,
        # One never knows how many will come.
        multiprocess=True,
    )


def limitsOf(settings: Settings) -> Limits:
    """
    How many connections are served at a time.
    """
    return Limits(
        settings.get("maxConnections"),
        {},
        settings.get("maxPerAddress"),
        settings.get("atLimit") or WAIT,
    )


def dispatchOf(settings: Settings, limits: Limits) -> Dispatch:
    """
    How connections reach workers.

    @raise ConfigError: If that is malformed.
    """
    given = settings.get("dispatch") or ()
    return parseDispatch([given] if isinstance(given, str) else given, limits)


def _target(script: str | LastingPath) -> Sequence[str | LastingPath]:
    if not script:
        raise SettingsError(
            "there is no script that workers could run: setupPrimary(exec='script.py')"
        )
    if isinstance(script, str):
        return script.split(" ", 1)  # -m name
    return [script]


def checkRecipe(recipe: Recipe) -> None:
    """
    A child that cannot do what it must before it begins could only die of it.

    @raise OSError: As the child would have it.
    """
    directory = recipe.directory
    if directory is not None and not os.path.isdir(directory):
        where = os.fspath(directory)
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), where)
    if (recipe.uid, recipe.gid) != (None, None) and os.geteuid() != 0:
        raise OSError(errno.EPERM, "only root can start workers as somebody else")


def _or(value: Value | None, otherwise: Value) -> Value:
    return otherwise if value is None else value
