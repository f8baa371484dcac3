"""
Always the same one.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define
from zope.interface import implementer

from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import ILoyalPolicy, IWorkerLoad


@implementer(ILoyalPolicy)
@define
class Pinned:
    """
    One worker serves the listener. Listeners are spread over the workers that are
    there when their first connection comes; each stays until its worker is gone, and
    then stays with another.

    @ivar worker: The number of the one that serves, and nobody else: connections wait
        while it is not there. L{None} is any.
    """

    worker: int | None = None
    _id: int | None = None

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        for worker in ready:
            if worker.number == self.worker or worker.id == self._id:
                return worker
        if self.worker is not None:
            return None
        chosen = ready[(connection.listener.number - 1) % len(ready)]
        self._id = chosen.id
        return chosen
