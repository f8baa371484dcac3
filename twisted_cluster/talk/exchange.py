"""
Topics: what one process publishes reaches every other one that has subscribed.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_cluster.core import frames
from twisted_cluster.core.frames import ADVANCED, Frame, packHead
from twisted_cluster.core.topics import Topics
from twisted_cluster.errors import ClusterError, MessageError, TooManyTopicsError
from twisted_cluster.talk.peer import Peer
from twisted_cluster.wire.mailroom import Shared
from twisted_cluster.wire.parcels import OBJECTS, Parcel

log = Logger()

# A worker for which more than this waits, in bytes, or that takes more than this of
# memory, misses what is published.
BEHIND = 1 << 24
# Of what a read has brought the body of a frame that is so long, in bytes, is the most.
LONG = 1 << 18


class Exchange:
    """
    Relays, in the order in which each sender published. A worker that reads too slowly
    misses what is published while more than L{BEHIND} bytes wait for it, or there is no
    room for more to wait, and is told how many messages that were.

    @ivar hear: Given what workers publish, for the primary's own subscriptions; says
        whether there is any.
    """

    def __init__(self) -> None:
        self._topics: dict[bytes, dict[int, Peer]] = {}
        self._held: dict[int, Topics] = {}
        self._missed: dict[int, int] = {}
        self.hear: Callable[[Frame], bool] = lambda frame: False

    def take(self, worker: int, peer: Peer, frame: Frame) -> bool:
        """
        A worker says something about a topic.

        @param worker: Its id.
        @return: Whether it was of use to anybody.
        @raise MessageError: If it may not say that.
        """
        if frame.kind == frames.PUBLISH:
            return self._relay(worker, frame)
        if frame.kind == frames.SUBSCRIBE:
            return self._subscribe(worker, peer, frame.extra)
        if frame.kind == frames.UNSUBSCRIBE:
            return self._unsubscribe(worker, frame.extra)
        raise MessageError(f"a worker does not say {frame!r:.80}")

    def _relay(self, worker: int, frame: Frame) -> bool:
        topic, body = frame.extra, frame.body
        isRelayed = any(each != worker for each in self._topics.get(topic, ()))
        if isRelayed:
            # A copy: it is a part of all that came with it, which would wait with it.
            if len(body) < LONG:
                body = bytes(body)
            self.publish(worker, frame.flags & ADVANCED, topic, body)
        return self.hear(frame._replace(number=worker)) or isRelayed

    def publish(
        self, sender: int, flags: int, topic: bytes, body: bytes | memoryview
    ) -> Deferred[None]:
        """
        @param sender: A worker's id, or 0 for the primary.
        @return: Fires when the kernel has it for everybody who does not miss it.
        """
        head = packHead(Frame(frames.PUBLISH, flags, sender, topic, body))
        size, shared = len(head) + len(body), Shared(len(body))
        # Who has published waits for all of them, which takes as much again.
        cost = 2 * OBJECTS + len(head)
        parcel = Parcel((head, body), size, cost, shared=shared)
        missed = self._missed
        # One that is found to be gone may leave, and so may others, as soon as users
        # hear of it.
        for worker, peer in list(self._topics.get(topic, {}).items()):
            if worker == sender:
                continue
            isHeard = worker not in missed
            if not (isHeard and peer.mail.postShared(parcel, shared, BEHIND)):
                self._misses(worker, peer)
        return shared.whenGone()

    def leave(self, worker: int) -> None:
        """
        A worker is gone.
        """
        for topic in [t for t, peers in self._topics.items() if worker in peers]:
            self._unsubscribe(worker, topic)
        self._held.pop(worker, None)
        self._missed.pop(worker, None)

    def _subscribe(self, worker: int, peer: Peer, topic: bytes) -> bool:
        if worker in self._topics.get(topic, ()):
            return False
        held = self._held.setdefault(worker, Topics())
        try:
            held.add(topic)
        except TooManyTopicsError as error:
            # It has counted them itself.
            raise MessageError(str(error)) from None
        self._topics.setdefault(topic, {})[worker] = peer
        return True

    def _unsubscribe(self, worker: int, topic: bytes) -> bool:
        subscribed = self._topics.get(topic, {})
        isOne = subscribed.pop(worker, None) is not None
        if isOne:
            self._held[worker].remove(topic)
        if not subscribed:
            self._topics.pop(topic, None)
        return isOne

    def _misses(self, worker: int, peer: Peer) -> None:
        """
        A worker misses what is published, be it the first that it does.
        """
        if worker in self._missed:
            self._missed[worker] += 1
            return
        log.warn("worker {id} is slow: it misses what is published", id=worker)
        self._missed[worker] = 1
        peer.mail.flushed().addCallback(self._tellMissed, worker, peer)

    def _tellMissed(self, _: None, worker: int, peer: Peer) -> None:
        count = self._missed.pop(worker, 0)
        if count:
            sent = peer.tell(frames.MISSED, count, b"", b"")
            sent.addErrback(lambda failure: failure.trap(ClusterError))
