"""
What a fork's settings come to.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from functools import cache, partial
from typing import TypeVar

from twisted.application.reactors import getReactorTypes

from twisted_cluster.api.settings import Settings
from twisted_cluster.api.streams import Streams, planned
from twisted_cluster.core.codecs import JSON
from twisted_cluster.defaults import DRAIN_TIMEOUT
from twisted_cluster.errors import SettingsError
from twisted_cluster.events import WAIT, Limits
from twisted_cluster.primary.lives.recipe import Recipe

Value = TypeVar("Value")


def recipeFor(settings: Settings, env: Mapping[str, str], reactor: object) -> Recipe:
    """
    What such a worker is made of.

    @param env: Added to that of the settings.
    @param reactor: This process's: workers have one of the same kind unless the settings
        say otherwise.
    @raise SettingsError: If there is no script.
    """
    cwd = settings.get("cwd")
    return Recipe(
        [*(settings.get("execArgv") or ()), *_command(settings)],
        settings.get("reactor") or _nameOf(type(reactor).__module__),
        _or(settings.get("drainTimeout"), DRAIN_TIMEOUT),
        {**(settings.get("env") or {}), **env},
        None if cwd is None else os.fspath(cwd),
        settings.get("uid"),
        settings.get("gid"),
        settings.get("serialization") or JSON.name,
        outgoing=True,
        weight=_or(settings.get("weight"), 1),
        group=settings.get("group") or "",
        generation=settings.get("generation") or 1,
        newOutput=partial(Streams, planned(settings)),
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


def _command(settings: Settings) -> list[str]:
    script = settings.get("exec") or ""
    if not script:
        raise SettingsError(
            "there is no script that workers could run: setupPrimary(exec='script.py')"
        )
    target = script.split(" ", 1) if script.startswith("-m ") else [script]
    return ["-m", "twisted_cluster.worker.script", *target, *(settings.get("args") or ())]


def checkRecipe(recipe: Recipe) -> None:
    """
    A child that cannot do what it must before it begins could only die of it.

    @raise OSError: As the child would have it.
    """
    directory = recipe.directory
    if directory is not None and not os.path.isdir(directory):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), directory)
    if (recipe.uid, recipe.gid) != (None, None) and os.geteuid() != 0:
        raise OSError(errno.EPERM, "only root can start workers as somebody else")


@cache
def _nameOf(module: str) -> str:
    """
    @return: The short name of a kind of reactor; kept, for plugins are found by reading
        directories, and there may be no descriptor for that later.
    """
    for kind in getReactorTypes():
        if getattr(kind, "moduleName", None) == module:
            name: str = kind.shortName
            return name
    return "default"


def _or(value: Value | None, otherwise: Value) -> Value:
    return otherwise if value is None else value
