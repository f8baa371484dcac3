"""
A process that a template has forked, to Twisted.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping, Sequence

from twisted.internet.process import Process

from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.warm.template import Template
from twisted_cluster.wire.order import LIMITS, Order, currentUmask


class NotForkedError(Exception):
    """
    There is no new process.
    """


class ForkedProcess(Process):
    """
    As one of Twisted's own in all but how it comes to be.
    """

    def __init__(self, template: Template, recipe: Recipe, *given: object) -> None:
        """
        @param given: As L{Process} takes it.
        @raise NotForkedError: If it cannot be forked.
        @raise OSError: If something else fails.
        """
        self._template = template
        self._recipe = recipe
        super().__init__(*given)  # type: ignore[no-untyped-call]

    def _fork(  # type: ignore[override]
        self,
        path: str | None,
        uid: int | None,
        gid: int | None,
        executable: bytes,
        args: Sequence[bytes],
        environment: Mapping[bytes, bytes],
        fdmap: Mapping[int, int],
    ) -> None:
        try:
            order = self._order(args, environment, list(fdmap))
            self.pid = self._forked(order, path or os.curdir, list(fdmap.values()))
        except Exception as error:
            raise NotForkedError(str(error)) from error
        self.status = -1

    def _order(
        self,
        args: Sequence[bytes],
        environment: Mapping[bytes, bytes],
        numbers: Sequence[int],
    ) -> Order:
        recipe = self._recipe
        return Order(
            recipe.main,
            args,
            len(recipe.command),
            environment,
            numbers,
            currentUmask(),
            {number: resource.getrlimit(number) for number in LIMITS},
            recipe.user is not None,
        )

    def _forked(self, order: Order, path: str, fds: Sequence[int]) -> int:
        place = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return self._template.fork(order, place, fds)
        finally:
            os.close(place)
