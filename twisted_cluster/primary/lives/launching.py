"""
What holds while a process is started that is to be a worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twisted_cluster.primary.lives.entering import entering
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.signals import deafTo, hearDeaths


@contextmanager
def launching(recipe: Recipe) -> Iterator[str | None]:
    """
    @return: Where the new process is to go before it is its user's, if anywhere.
    @raise OSError: If there is no way.
    """
    hearDeaths()
    with deafTo(recipe.surroundings.ignored), entering(recipe) as where:
        yield where
