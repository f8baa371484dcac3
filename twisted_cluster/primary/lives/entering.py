"""
Going where a worker is to run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.wire.folder import returning
from twisted_cluster.wire.keeper import keeperOf
from twisted_cluster.wire.user import User, acting


@contextmanager
def entering(recipe: Recipe) -> Iterator[str | None]:
    """
    While the block lasts this process is where a worker of another user is to run, if
    that user, or a third one, can make the path lead elsewhere: root, which is who goes
    there, is led nowhere that they could not go themselves.

    @return: Where the new process is to go before it is that user's, if anywhere.
    @raise OSError: If there is no way.
    """
    where, user = recipe.directory, recipe.user
    path = None if where is None else os.fspath(where)
    keeper = None if path is None or user is None else _keeperOf(path, user)
    if path is None or keeper is None:
        yield path
        return
    with returning():
        with acting(keeper):
            os.chdir(path)
        yield None


def _keeperOf(path: str, user: User) -> User | None:
    try:
        return keeperOf(path)
    except OSError:
        return user
