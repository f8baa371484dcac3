"""
What holds while a process is started that is to be a worker.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol

from twisted_cluster.primary.lives.entering import entering
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.signals import deafTo, hearDeaths


def encoded(environment: Mapping[str, str]) -> dict[bytes, bytes]:
    """
    As bytes: text that came from bytes which are none Twisted refuses.
    """
    return {os.fsencode(k): os.fsencode(v) for k, v in environment.items()}


def spawn(
    reactor: IReactorProcess,
    protocol: ProcessProtocol,
    recipe: Recipe,
    command: Sequence[bytes],
    environment: Mapping[bytes, bytes],
    where: str | None,
    childFDs: Mapping[int, int | str],
) -> object:
    """
    Start a process of whose the recipe says.

    @param where: From L{launching}.
    @return: What C{spawnProcess} does.
    """
    process: object = reactor.spawnProcess(
        protocol,
        command[0],
        command,
        env=environment,
        path=where,
        uid=recipe.uid,
        gid=recipe.gid,
        childFDs=childFDs,
    )
    return process


@contextmanager
def launching(recipe: Recipe) -> Iterator[str | None]:
    """
    @return: Where the new process is to go before it is its user's, if anywhere.
    @raise OSError: If there is no way.
    """
    hearDeaths()
    with deafTo(recipe.surroundings.ignored), entering(recipe) as where:
        yield where
