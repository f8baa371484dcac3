"""
What is published, and who gets it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from twisted_cluster.core import frames, topics
from twisted_cluster.core.codecs import JSON
from twisted_cluster.core.frames import ADVANCED, Frame
from twisted_cluster.core.topics import LONGEST_TOPIC
from twisted_cluster.errors import MessageError
from twisted_cluster.talk import exchange as module
from twisted_cluster.talk.ears import Ears
from twisted_cluster.talk.exchange import Exchange
from twisted_cluster.talk.peer import Peer
from twisted_cluster.wire.mail import Mail
from twisted_cluster.wire.mailroom import Mailroom


class Worker:
    """
    One worker: its end and the primary's.
    """

    ids = itertools.count(1)

    def __init__(self, exchange: Exchange, room: Mailroom | None = None) -> None:
        self.id = next(self.ids)
        self.heard: list[Frame] = []
        self.broke: list[Exception] = []
        self.exchange = exchange
        ours, theirs = Mail.pair()
        ears = Ears(
            lambda frame: exchange.take(self.id, self.there, frame), self.broke.append
        )
        self.there = Peer(reactor, ours, JSON, ears, room=room)
        self.here = Peer(reactor, theirs, JSON, Ears(self.hear, lambda error: None))

    def hear(self, frame: Frame) -> None:
        self.heard.append(frame._replace(body=bytes(frame.body)))

    def say(self, kind: int, topic: bytes, body: bytes = b"") -> None:
        self.here.tell(kind, 0, topic, body).addErrback(lambda failure: None)

    @property
    def bodies(self) -> list[bytes]:
        """
        What it has heard.
        """
        return [bytes(frame.body) for frame in self.heard]

    def close(self) -> None:
        """
        It ends.
        """
        self.here.close()
        self.there.close()
        self.exchange.leave(self.id)


@pytest.fixture
def exchange() -> Exchange:
    """
    Nobody has subscribed.
    """
    return Exchange()


@pytest.fixture
def workers(exchange: Exchange) -> Iterator[list[Worker]]:
    """
    Three workers.
    """
    made = [Worker(exchange) for _ in range(3)]
    yield made
    for worker in made:
        worker.close()
    assert exchange._topics == {}
    assert (exchange._held, exchange._missed) == ({}, {})


async def until(isTrue: Callable[[], object]) -> None:
    for _ in range(1000):
        if isTrue():
            return
        await deferLater(reactor, 0.005, lambda: None)
    raise AssertionError("not within 5 s")


@pytest_twisted.ensureDeferred
async def test_everybodyElseGetsIt(exchange: Exchange, workers: list[Worker]) -> None:
    """
    In the order in which it was published, with who did; who published does not.
    """
    told: list[Frame] = []
    exchange.hear = told.append
    for worker in workers:
        worker.say(frames.SUBSCRIBE, b"a")
        worker.say(frames.SUBSCRIBE, b"a")
    await until(lambda: len(exchange._topics.get(b"a", ())) == 3)
    sender, *others = workers
    for n in range(600):
        sender.say(frames.PUBLISH, b"a", b"%d" % n)
    sender.say(frames.PUBLISH, b"b", b"nobody")
    await until(lambda: all(len(worker.heard) == 600 for worker in others))
    for worker in others:
        assert worker.bodies == [b"%d" % n for n in range(600)]
        assert {frame.number for frame in worker.heard} == {sender.id}
    assert sender.heard == []
    await until(lambda: len(told) == 601)
    assert told[-1].number == sender.id
    await exchange.publish(0, ADVANCED, b"a", b"all")
    await until(lambda: all(worker.heard[-1:] for worker in workers))
    assert all(worker.heard[-1].flags == ADVANCED for worker in workers)
    assert all(worker.heard[-1].number == 0 for worker in workers)


@pytest_twisted.ensureDeferred
async def test_whoHasLeftGetsNothing(exchange: Exchange, workers: list[Worker]) -> None:
    """
    By unsubscribing, once or more often, or by ending.
    """
    for worker in workers:
        worker.say(frames.SUBSCRIBE, b"a")
        worker.say(frames.SUBSCRIBE, b"b")
    first, second, third = workers
    first.say(frames.UNSUBSCRIBE, b"a")
    first.say(frames.UNSUBSCRIBE, b"a")
    first.say(frames.UNSUBSCRIBE, b"never")
    await until(lambda: set(exchange._topics.get(b"a", ())) == {second.id, third.id})
    exchange.leave(second.id)
    exchange.leave(second.id)
    exchange.publish(0, 0, b"a", b"a")
    exchange.publish(0, 0, b"b", b"b")
    await until(lambda: third.bodies == [b"a", b"b"])
    assert (first.bodies, second.bodies) == ([b"b"], [])


@pytest_twisted.ensureDeferred
async def test_whoLeavesMeanwhileHoldsUpNobody(
    exchange: Exchange, workers: list[Worker]
) -> None:
    """
    Users hear at once of one that is gone, and may end another.
    """
    first, second, third = workers
    for worker in workers:
        worker.say(frames.SUBSCRIBE, b"a")
    await until(lambda: len(exchange._topics.get(b"a", ())) == 3)
    question = first.there.ask("nobody answers", 20)
    question.addErrback(lambda failure: exchange.leave(second.id))
    first.here.close()
    exchange.publish(0, 0, b"a", b"x")
    assert second.id not in exchange._topics[b"a"]
    await until(lambda: third.heard)
    assert third.bodies == [b"x"]


@pytest_twisted.ensureDeferred
async def test_whoIsSlowMissesAndIsTold(
    exchange: Exchange, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    How much it was; others miss nothing, and it hears what is published later.
    """
    monkeypatch.setattr(module, "BEHIND", 1 << 20)
    slow, quick, _ = workers
    for worker in (slow, quick):
        worker.say(frames.SUBSCRIBE, b"a")
    await until(lambda: len(exchange._topics.get(b"a", ())) == 2)
    slow.here.mail.pause()
    for _ in range(40):
        exchange.publish(0, 0, b"a", bytes(100_000))
        await deferLater(reactor, 0, lambda: None)
    await until(lambda: len(quick.heard) == 40)
    assert slow.there.mail.waiting < 2 << 20
    slow.here.mail.resume()
    await until(lambda: any(frame.kind == frames.MISSED for frame in slow.heard))
    heard = sum(frame.kind == frames.PUBLISH for frame in slow.heard)
    missed = [frame.number for frame in slow.heard if frame.kind == frames.MISSED]
    assert heard + sum(missed) == 40
    await exchange.publish(0, 0, b"a", b"later")
    await until(lambda: slow.bodies[-1] == b"later")


@pytest_twisted.ensureDeferred
async def test_whoEndsWhileItIsSlowIsForgotten(
    exchange: Exchange, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What was sent to it is no failure for who published.
    """
    monkeypatch.setattr(module, "BEHIND", 1 << 20)
    slow, *_ = workers
    slow.say(frames.SUBSCRIBE, b"a")
    await until(lambda: exchange._topics)
    slow.here.mail.pause()
    published = [exchange.publish(0, 0, b"a", bytes(400_000)) for _ in range(10)]
    slow.close()
    for waits in published:
        await waits


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("how", ["too long", "too many", "no topic"])
async def test_whoBreaksTheRulesIsHeardNoMore(
    exchange: Exchange,
    workers: list[Worker],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Nothing of it stays behind.
    """
    monkeypatch.setattr(topics, "MOST_HELD", 3 * topics.A_TOPIC)
    hostile = workers[0]
    if how == "too long":
        hostile.say(frames.SUBSCRIBE, b"x" * (LONGEST_TOPIC + 1))
    elif how == "too many":
        for n in range(5):
            hostile.say(frames.SUBSCRIBE, b"%d" % n)
    else:
        hostile.say(frames.MISSED, b"x")
    await until(lambda: hostile.broke)
    assert isinstance(hostile.broke[0], MessageError)
    assert not hostile.there.isOpen


@pytest_twisted.ensureDeferred
async def test_whatOneHasNotReadCountsWhole(exchange: Exchange) -> None:
    """
    Also where others have read it: whoever does not read while another message is on its
    way would keep that too.
    """
    room = Mailroom.make(1 << 24, 2)
    workers = [Worker(exchange, room) for _ in range(4)]
    sender, *others = workers
    for worker in others:
        worker.say(frames.SUBSCRIBE, b"a")
    await until(lambda: len(exchange._topics.get(b"a", ())) == 3)
    for worker, hearing in ((others[0], others[1:]), (others[1], others[2:])):
        worker.here.mail.pause()
        sender.say(frames.PUBLISH, b"a", b"x" * (9 << 20))
        await until(lambda hearing=hearing: all(each.heard for each in hearing))
        assert room.sending.hasLong
        others[2].heard.clear()
    assert [each.there.mail.waiting > 1 << 20 for each in others] == [True, False, False]
    for worker in workers:
        worker.close()


@pytest_twisted.ensureDeferred
async def test_whatWaitsKeepsNothingElse(
    exchange: Exchange, workers: list[Worker]
) -> None:
    """
    Of all that a read has brought only what is published, as long as it is short.
    """
    sender, slow, _ = workers
    slow.say(frames.SUBSCRIBE, b"a")
    await until(lambda: exchange._topics)
    slow.here.mail.pause()
    exchange.publish(0, 0, b"a", bytes(1 << 20))
    read = bytearray(1 << 18)
    said = Frame(frames.PUBLISH, extra=b"a", body=memoryview(read)[:1])
    assert exchange.take(sender.id, sender.there, said)
    assert slow.there.mail.waiting > 0
    del said
    # An error while anything refers to it.
    read.clear()
