"""
Topics, in both kinds of process.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, succeed

from twisted_cluster.api.own import WorkerCluster
from twisted_cluster.api.primary import PrimaryCluster
from twisted_cluster.core import frames, topics
from twisted_cluster.core.topics import Subscriptions
from twisted_cluster.errors import TooManyTopicsError


class Peer:
    """
    A primary.

    @ivar told: What it was told, by kind.
    """

    def __init__(self) -> None:
        self.told: list[int] = []

    def tell(self, kind: int, number: int, topic: bytes, body: bytes) -> Deferred[None]:
        self.told.append(kind)
        return succeed(None)


def workerCluster(peer: Peer) -> WorkerCluster:
    """
    A worker's, without a process.
    """
    link = SimpleNamespace(
        told=SimpleNamespace(id=1),
        reactor=None,
        departure=None,
        readiness=None,
        peer=peer,
        subscriptions=Subscriptions(),
        watch=lambda watcher: None,
    )
    return WorkerCluster(cast(Any, link))


@pytest.mark.parametrize("isPrimary", [True, False])
def test_whoSubscribesTwiceEndsEachByItself(isPrimary: bool) -> None:
    """
    However often one of them is ended.
    """
    peer = Peer()
    cluster = PrimaryCluster() if isPrimary else workerCluster(peer)

    def hear(message: object, sender: int) -> None:
        pass

    first, second = [cluster.subscribe("t", hear) for _ in range(2)]
    first()
    first()
    assert cluster._subscriptions.of(b"t") == (hear,)
    second()
    second()
    assert cluster._subscriptions.of(b"t") == ()
    cluster.subscribe("t", hear)
    first()
    assert cluster._subscriptions.of(b"t") == (hear,)
    if not isPrimary:
        kinds = [frames.SUBSCRIBE, frames.UNSUBSCRIBE, frames.SUBSCRIBE]
        assert peer.told == kinds


def test_whoSubscribesTooMuchIsToldSo(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    And not killed: the primary hears nothing of it.
    """
    monkeypatch.setattr(topics, "MOST_HELD", 2 * topics.A_TOPIC + 2)
    peer = Peer()
    cluster = workerCluster(peer)

    def hear(message: object, sender: int) -> None:
        pass

    first, _ = [cluster.subscribe(topic, hear) for topic in "ab"]
    with pytest.raises(TooManyTopicsError):
        cluster.subscribe("c", hear)
    assert cluster._subscriptions.of(b"c") == ()
    assert peer.told == [frames.SUBSCRIBE] * 2
    first()
    cluster.subscribe("c", hear)
