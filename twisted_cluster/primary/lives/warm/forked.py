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


class ForkedProcess(Process):
    """
    As one of Twisted's own in all but how it comes to be.
    """

    def __init__(self, template: Template, recipe: Recipe, *given: object) -> None:
        """
        @param given: As L{Process} takes it.
        @raise OSError: If it cannot be forked.
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
        recipe = self._recipe
        order = Order(
            recipe.main,
            args,
            len(recipe.command),
            environment,
            list(fdmap),
            currentUmask(),
            {number: resource.getrlimit(number) for number in LIMITS},
            recipe.user is not None,
        )
        place = os.open(path or os.curdir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.pid = self._template.fork(order, place, list(fdmap.values()))
        finally:
            os.close(place)
        self.status = -1
