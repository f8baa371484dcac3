"""
The templates that workers are forked from.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.process import Process
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.defaults import APP, NO
from twisted_cluster.errors import StartError
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.warm.adopting import whyCannotAdopt
from twisted_cluster.primary.lives.warm.forked import ForkedProcess, NotForkedError
from twisted_cluster.primary.lives.warm.kind import Kind
from twisted_cluster.primary.lives.warm.template import Template
from twisted_cluster.reactors import IClusterReactor

log = Logger()
# Where this is L{NO} there is none, whatever else is said.
VARIABLE = "TWISTED_CLUSTER_WARM"
# Seconds after which another one takes the place of one that has ended, times how often
# that was so. One that was there for so many seconds works; so many in a row that were
# not never will.
AGAIN = 1.0
LASTING = 10.0
TRIES = 5
# Whoever starts workers of more kinds has no template for some of them.
MOST = 4


def canFork() -> bool:
    """
    Whether this system lets a process have the children of another, and nobody has said
    that there is to be no template.
    """
    return sys.platform.startswith("linux") and os.environ.get(VARIABLE) != NO


class Templates:
    """
    One for each kind of worker. Where there is none, workers are started by themselves.
    """

    def __init__(self, reactor: IClusterReactor) -> None:
        self._reactor = reactor
        self._all: dict[Kind, Template] = {}
        self._failures: dict[Kind, int] = {}
        # Why the application cannot be imported.
        self._refused: dict[Kind, str] = {}
        self._later: dict[Kind, IDelayedCall] = {}
        self._settled: Callable[[], object] = lambda: None
        self._complaints = Complaints(time.monotonic_ns)

    def prepare(
        self, recipe: Recipe, settled: Callable[[], object] = lambda: None
    ) -> None:
        """
        There are to be workers of this recipe.

        @param settled: Called when they can be forked, or it is known that they cannot.
        """
        self._settled = settled
        kind = Kind.of(recipe)
        for other in self._known():
            if other.standing != kind.standing:
                self._forget(other)
        isWanted = recipe.warm != NO and canFork()
        if isWanted and kind not in self._known() and self._hasRoom(kind):
            self._make(kind, recipe)

    def isBusy(self, generation: int) -> bool:
        """
        Whether one for workers of a generation is being made, which is worth to be waited
        for: a worker that is started by itself takes as long. Where one has ended before
        nobody waits: who has stopped it, or slows it down, would keep all workers away.
        """
        return any(
            kind.generation == generation
            and kind not in self._failures
            and not template.isReady
            for kind, template in self._all.items()
        )

    def forgetAllBut(self, generation: int) -> None:
        """
        Workers of others are started no more.
        """
        for kind in self._known():
            if kind.generation != generation:
                self._forget(kind)

    def close(self) -> None:
        """
        There are to be no more workers.
        """
        for kind in self._known():
            self._forget(kind)

    def fork(
        self,
        protocol: ProcessProtocol,
        recipe: Recipe,
        command: Sequence[bytes],
        environment: Mapping[bytes, bytes],
        where: str | None,
        childFDs: Mapping[int, int | str],
    ) -> Process | None:
        """
        Fork a worker. The arguments are those of C{spawnProcess}.

        @return: Its process; L{None} if there is no template for such, or it cannot.
        @raise StartError: If the application was to be imported before, and cannot be.
        """
        kind = Kind.of(recipe)
        if kind in self._refused:
            raise StartError(self._refused[kind])
        template = self._all.get(kind)
        if template is None:
            return None
        if not self._reactor.running:
            template.wait()
        if not template.isReady:
            return None
        given = (self._reactor, command[0], command, environment, where, protocol)
        try:
            return ForkedProcess(template, recipe, *given, None, None, childFDs)
        except NotForkedError as error:
            # What is wrong with more than the template is said of the start itself.
            if self._complaints.isDue():
                log.warn("a worker is started by itself, not forked: {why}", why=error)
            return None

    def _hasRoom(self, kind: Kind) -> bool:
        """
        Who has been superseded makes way.
        """
        former = [one for one in self._all if one.generation < kind.generation]
        if len(self._all) >= MOST and former:
            self._forget(min(former, key=lambda one: one.generation))
        return len(self._all) < MOST

    def _known(self) -> set[Kind]:
        return {*self._all, *self._failures, *self._refused}

    def _make(self, kind: Kind, recipe: Recipe) -> None:
        self._later.pop(kind, None)
        if why := whyCannotAdopt():
            self._fail(kind, TRIES, why)
            return
        gone = partial(self._gone, kind, recipe)
        made = Template(self._reactor, self._hasSettled, gone)
        self._all[kind] = made
        try:
            made.start(recipe)
        except Exception as error:
            # Not only OSError: starts would wait for it for ever.
            gone(str(error), False)

    def _hasSettled(self) -> None:
        self._settled()

    def _gone(self, kind: Kind, recipe: Recipe, why: str, isUnfit: bool) -> None:
        template = self._all.pop(kind)
        isApp = kind.warm == APP
        if isUnfit and isApp and kind not in self._failures:
            self._refused[kind] = why
            self._settled()
            return
        # One that there was can be had again: what is imported may be replaced just now.
        isHopeless = isUnfit and not isApp
        since, now = template.since, self._reactor.seconds()
        hasLasted = since is not None and now - since > LASTING
        count = 1 if hasLasted else self._failures.get(kind, 0) + 1
        self._fail(kind, count, why, isTold=count == 1 or isUnfit)
        if count < TRIES and not isHopeless:
            again = self._reactor.callLater(AGAIN * count, self._make, kind, recipe)
            self._later[kind] = again
        elif count > 1:
            log.warn("no other template is made until a reload: {why}", why=why)
        self._settled()

    def _fail(self, kind: Kind, count: int, why: str, isTold: bool = True) -> None:
        self._failures[kind] = count
        if isTold:
            log.warn("workers are started by themselves: no template, {why}", why=why)

    def _forget(self, kind: Kind) -> None:
        self._failures.pop(kind, None)
        self._refused.pop(kind, None)
        if kind in self._later:
            self._later.pop(kind).cancel()
        if kind in self._all:
            self._all.pop(kind).close()
