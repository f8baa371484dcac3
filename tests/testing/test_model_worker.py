"""
A simulated worker, and what the door and policies see of it.
"""

from __future__ import annotations

from zope.interface.verify import verifyObject

from tests.testing.simulating import Choosing
from twisted_cluster import ILoyalPolicy, IWorkerLoad
from twisted_cluster.core.member import STALE, Post
from twisted_cluster.testing import connectionFrom
from twisted_cluster.testing.model_hand import HearsLate, ModelHand, OldNews
from twisted_cluster.testing.model_worker import ModelWorker, Visit
from twisted_cluster.testing.timeline import Timeline


class Scene:
    """
    One worker, and time.

    @ivar served: When connections were served.
    """

    def __init__(self, slowness: float = 1.0) -> None:
        self.timeline = Timeline()
        self.served: list[float] = []
        self.worker = ModelWorker(
            self.timeline, slowness, lambda: None, self._served, lambda: None
        )
        self.hand = ModelHand(Post(7, 1, "api", 3), self.worker, 32)

    def _served(self, visit: Visit) -> None:
        self.served.append(self.timeline.now)

    def give(self, *services: float) -> None:
        """
        Hand over connections that take so long each.
        """
        for service in services:
            visit = Visit(1, connectionFrom(), self.timeline.now, service, 1.0, 1 << 62)
            self.hand.add(visit)
            self.worker.give(visit)

    def runTo(self, time: float) -> None:
        """
        Let time pass.
        """
        self.timeline.at(time, lambda: None)
        self.timeline.run(lambda: self.timeline.now >= time)


def test_oneAfterTheOther() -> None:
    """
    What comes while the loop is busy is taken when that turns, and served in order.
    """
    scene = Scene(slowness=2.0)
    scene.give(0.25, 0.125, 0.5)
    assert (scene.hand.active, scene.hand.queued) == (1, 2)
    scene.runTo(0.6)
    assert (scene.hand.active, scene.hand.queued) == (3, 0)
    scene.runTo(3.0)
    assert scene.served == [0.5, 0.75, 1.75]
    assert (scene.hand.active, scene.hand.queued) == (0, 0)


def test_aBlockedLoopShowsNoLife() -> None:
    """
    And says afterwards how late it was; until then others may have what it has not
    taken.
    """
    scene = Scene()
    scene.runTo(0.15)
    scene.worker.block(2.0)
    scene.give(0.25, 0.25)
    scene.runTo(1.0)
    scene.hand.lookAt(scene.timeline.nanoseconds())
    assert not scene.hand.fresh
    assert scene.hand.queued == 2
    assert len(list(scene.hand.takeBack())) == 2
    assert scene.hand.queued == 0
    scene.runTo(2.2)
    scene.hand.lookAt(scene.timeline.nanoseconds())
    assert scene.hand.fresh
    assert scene.timeline.nanoseconds() - scene.worker.page.heartbeat < STALE
    assert scene.hand.lag > 1e5
    assert scene.served == []


def test_lateNewsAreForPoliciesOnly() -> None:
    """
    Who hears late is shown old counts, and is asked what it says that it is.
    """
    scene = Scene()
    news = OldNews(scene.hand)
    verifyObject(IWorkerLoad, news)
    scene.give(0.25, 0.25)
    seen = []

    def choose(connection: object, ready: object) -> IWorkerLoad | None:
        seen.append((news.active, news.queued, news.weight, news.group))
        return news

    late = HearsLate(Choosing(choose), [news])
    assert not ILoyalPolicy.providedBy(late)
    assert late.choose(connectionFrom(), (scene.hand,)) is scene.hand
    news.publish()
    late.choose(connectionFrom(), (scene.hand,))
    assert seen == [(0, 2, 3, "api"), (1, 1, 3, "api")]
