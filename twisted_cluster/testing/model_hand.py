"""
Workers, simulated, as the door sees them; and as policies do, if they see late.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve
from zope.interface import directlyProvides, implementer, providedBy

from twisted_cluster.core.member import Member, Post
from twisted_cluster.events import ConnectionFacts
from twisted_cluster.interfaces import ISchedulingPolicy, IWorkerLoad
from twisted_cluster.testing.model_worker import ModelPage, ModelWorker, Visit


class ModelHand(Member):
    """
    A member with the worker itself, which is handed everything at once.
    """

    def __init__(self, post: Post, worker: ModelWorker, window: int) -> None:
        super().__init__(post, worker.page, window=window)
        self.worker = worker

    def takeBack(self) -> Iterator[Visit]:
        """
        Take back what the worker has not taken.
        """
        inbox = self.worker.inbox
        while inbox:
            self._sent -= 1
            yield inbox.popleft()
        self.hasRoom()


@implementer(IWorkerLoad)
class OldNews:
    """
    A worker, with counts of some time ago. What it was handed is known at once.
    """

    def __init__(self, hand: ModelHand) -> None:
        self.hand = hand
        self.publish()

    def publish(self) -> None:
        """
        The worker tells what is true now.
        """
        self._seen: ModelPage = evolve(self.hand.worker.page)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.hand, name)

    @property
    def active(self) -> int:
        return self._seen.opened - self._seen.closed

    @property
    def queued(self) -> int:
        return self.hand.queued + self.hand.page.taken - self._seen.taken

    @property
    def load(self) -> int:
        return self.active + self.queued


@implementer(ISchedulingPolicy)
class HearsLate:
    """
    A policy that is shown L{OldNews}; the mechanism is not.
    """

    def __init__(self, policy: ISchedulingPolicy, news: Sequence[OldNews]) -> None:
        """
        @param news: Of all workers.
        """
        self._policy = policy
        self._news = {each.hand.id: each for each in news}
        directlyProvides(self, providedBy(policy))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._policy, name)

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        late = tuple(self._news[one.id] for one in ready)
        chosen = self._policy.choose(connection, late)
        return chosen.hand if isinstance(chosen, OldNews) else chosen
