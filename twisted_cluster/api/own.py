"""
C{cluster} in a worker.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort

from twisted_cluster.api.base import Cluster
from twisted_cluster.api.workers import BaseWorker
from twisted_cluster.core import frames
from twisted_cluster.core.topics import Subscriber, Topics, once, topicName
from twisted_cluster.errors import ChannelClosedError, TooManyTopicsError
from twisted_cluster.events import GivenOptions
from twisted_cluster.worker.departure import Departure
from twisted_cluster.worker.link import Link


@frozen
class ThisProcess:
    """
    @ivar pid: Its number.
    """

    pid: int
    _departure: Departure

    def disconnect(self) -> None:
        """
        Close the channel now, as if the primary were gone: the worker serves what it
        has, and ends with 0.
        """
        self._departure.abandon()


class OwnWorker(BaseWorker):
    """
    C{cluster.worker}: this worker, to itself.

    @ivar process: This process.
    """

    EVENTS = {"message": 2, "disconnect": 0, "missed": 1, "error": 1}

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.id = link.told.id
        self.state = "online"
        self.process = ThisProcess(os.getpid(), link.departure)
        self._reactor = link.reactor
        self._departure = link.departure
        self._peer = link.peer
        self._readiness = link.readiness
        link.watch(self)

    @property
    def exitedAfterDisconnect(self) -> bool | None:
        return True if self._departure.planned else None

    def isConnected(self) -> bool:
        return self._departure.isConnected and not self._departure.planned

    def ready(self, isReady: bool = True) -> None:
        """
        Say whether this worker can serve. Until it says that it cannot it is ready as
        soon as its application has started. One that is not is offered nothing, and what
        it has not taken others get; what it serves it serves on.
        """
        self._readiness.say(isReady)

    def disconnect(self) -> OwnWorker:
        """
        End with grace: listen no more, serve what there is, close the channel, whereupon
        C{disconnect} happens, and stop the reactor when no connection is open that this
        worker made itself; after the setting C{drainTimeout} all the same.

        @return: This.
        """
        if not self._departure.planned:
            self._departure.leave()
        return self

    def kill(self) -> None:
        """
        End now: with exit code 0, if the script does not say otherwise.
        """
        self._departure.quit()
        if not self._reactor.running:
            sys.exit(0)

    def disconnected(self) -> None:
        """
        The channel is closed.
        """
        self.state = "disconnected"
        self.tell("disconnect")

    def missed(self, count: int) -> None:
        """
        This worker was too slow for what was published.
        """
        self.tell("missed", count)


class WorkerCluster(Cluster):
    """
    What of C{cluster} there is in a worker.
    """

    isPrimary = False
    isWorker = True
    worker: OwnWorker

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self._subscriptions = link.subscriptions
        self._topics = Topics()
        self.worker = OwnWorker(link)

    def broadcast(self, message: object, topic: str = "") -> Deferred[None]:
        name = topicName(topic)
        peer = self._link.peer
        return peer.tell(frames.PUBLISH, 0, name, peer.encode(message))

    def subscribe(self, topic: str, handler: Subscriber) -> Callable[[], None]:
        name = topicName(topic)
        if self._subscriptions.add(name, handler):
            try:
                self._topics.add(name)
            except TooManyTopicsError:
                self._subscriptions.remove(name, handler)
                raise
            self._tell(frames.SUBSCRIBE, name)

        def unsubscribe() -> None:
            if self._subscriptions.remove(name, handler):
                self._topics.remove(name)
                self._tell(frames.UNSUBSCRIBE, name)

        return once(unsubscribe)

    def _tell(self, kind: int, topic: bytes) -> None:
        # If the primary is gone, so are the topics.
        sent = self._link.peer.tell(kind, 0, topic, b"")
        sent.addErrback(lambda failure: failure.trap(ChannelClosedError))

    def _listening(
        self, kind: str, options: GivenOptions
    ) -> Callable[..., IListeningPort]:
        return partial(super()._listening(kind, options), **options)
