"""
What a worker takes from its queue, whatever goes wrong meanwhile.
"""

from __future__ import annotations

import errno
import gc
import os
import resource
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.worker.doubles import FakeControl, Worker
from twisted_cluster.events import TCP, ListenSpec
from twisted_cluster.wire.handed import METERED, Handed, packRecord
from twisted_cluster.wire.handoff import (
    HandoffQueue,
    receive,
    send,
)
from twisted_cluster.wire.reader import SHORTEST_REST
from twisted_cluster.worker.descriptors import Descriptors
from twisted_cluster.worker.intake import BATCHES_A_TURN, RECEIVE_REST, Intake
from twisted_cluster.worker.ports.meter import Meter
from twisted_cluster.worker.vitals import Vitals

NAME = ("127.0.0.1", 5)
NUMBER, TALLY = 1, 3


class TakingPort:
    """
    A port that does with connections what a test wants.

    @ivar wrong: What it raises instead.
    @ivar wants: Whether it takes them.
    @ivar changes: How often it was told that its limit may be another.
    """

    spec = ListenSpec(TCP)
    ordinal = 0
    hidden = False
    wrong: BaseException | None = None
    wants = True
    changes = 0

    def __init__(self) -> None:
        self.taken: list[Handed] = []

    def deliver(self, connections: Sequence[Handed]) -> Sequence[Handed]:
        if self.wrong is not None:
            wrong, self.wrong = self.wrong, None
            raise wrong
        if not self.wants:
            return connections
        self.taken += connections
        return ()

    def limitChanged(self) -> None:
        self.changes += 1

    def release(self) -> None:
        pass

    def stopReading(self) -> None:
        pass


class FailingQueue:
    """
    A queue that the system cannot read for a while.

    @ivar wrong: The error's number; 0 when it can be read.
    @ivar asked: How often it was read, or tried to be.
    """

    def __init__(self, queue: socket.socket) -> None:
        self._queue = queue
        self.fileno = queue.fileno
        self.wrong = self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def recvmsg(self, *arguments: Any) -> Any:
        self.asked += 1
        if self.wrong:
            raise OSError(self.wrong, os.strerror(self.wrong))
        return self._queue.recvmsg(*arguments)


class Handing:
    """
    A primary that hands over to an intake.
    """

    def __init__(self) -> None:
        self.worker = Worker(FakeControl(), tallies=4)
        self.queue = HandoffQueue()
        self.failing = FailingQueue(self.queue.worker)
        self.page, self.register = self.worker.page, self.worker.register
        self.port = self.register.served[NUMBER] = TakingPort()
        self.reactor = self.worker.reactor
        self.intake = Intake(
            self.reactor,
            self.failing,  # type: ignore[arg-type]
            self.register,
            Vitals(self.page, self.queue.worker.fileno, Descriptors(None)),
            self.worker.tellRoom,
        )

    def hand(self, count: int = 1, flags: int = 0) -> None:
        """
        Hand connections over, in one message.
        """
        record = packRecord(NUMBER, NAME, 0, TALLY, flags)
        ours, theirs = socket.socketpair()
        send(self.queue.end, [record] * count, [theirs.fileno()] * count)
        ours.close()
        theirs.close()

    def takenBack(self) -> list[Handed]:
        """
        What the intake has sent back.
        """
        try:
            connections, _ = receive(self.queue.end)
        except BlockingIOError:
            return []
        for connection in connections:
            os.close(connection.fd)
        return list(connections)

    @property
    def isRead(self) -> bool:
        """
        Whether the reactor would look at the queue.
        """
        return self.intake.reader in self.reactor.getReaders()

    def close(self) -> None:
        """
        The end.
        """
        for taken in self.port.taken:
            os.close(taken.fd)
        self.intake.reader.stop()
        self.queue.close()
        self.worker.close()


@pytest.fixture
def handing() -> Iterator[Handing]:
    """
    An intake.
    """
    made = Handing()
    yield made
    made.close()


def test_whatComesIsGivenToItsPort(handing: Handing) -> None:
    """
    And counted; the primary is told that there is room.
    """
    handing.hand(3)
    handing.hand(2)
    handing.intake.readNow()
    assert len(handing.port.taken) == 5
    assert handing.port.taken[0].name == NAME
    assert (handing.page.taken, handing.worker.rooms) == (5, 2)


def test_aTurnHasAnEnd(handing: Handing) -> None:
    """
    Whatever waits: the rest is for the next turn.
    """
    for _ in range(BATCHES_A_TURN + 1):
        handing.hand()
    handing.intake.readNow()
    assert handing.page.taken == BATCHES_A_TURN
    handing.intake.readNow()
    assert handing.page.taken == BATCHES_A_TURN + 1


def test_theKernelIsNotAskedInVain(handing: Handing) -> None:
    """
    The page says how many there are: if too few, the reactor comes again.
    """
    for _ in range(3):
        handing.hand(2)
    handing.page.sent = 4
    handing.intake.reader.doRead()
    assert (handing.page.taken, handing.failing.asked) == (4, 2)
    handing.intake.reader.doRead()
    assert (handing.page.taken, handing.failing.asked) == (6, 3)
    handing.page.sent = 9
    handing.hand()
    handing.intake.reader.doRead()
    assert (handing.page.taken, handing.failing.asked) == (7, 5)
    assert handing.isRead


def test_whatNobodyWantsIsSentBack(handing: Handing) -> None:
    """
    Once more bounced, and ended here: a port that does not take it, or is not there.
    """
    handing.port.wants = False
    handing.hand()
    handing.intake.readNow()
    del handing.register.served[NUMBER]
    handing.hand()
    handing.intake.readNow()
    for _ in range(2):
        (back,) = handing.takenBack()
        assert (back.listener, back.name, back.bounces) == (NUMBER, NAME, 1)
        assert (back.tally, back.flags) == (TALLY, 0)
    assert list(handing.page.ended) == [2, 2, 0, 2]


def test_aMessageMayBeForSeveralPorts(handing: Handing) -> None:
    """
    Each gets its own.
    """
    other = handing.register.served[2] = TakingPort()
    records = [packRecord(number, NAME) for number in (1, 2, 1)]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(handing.queue.end, records, [theirs.fileno()] * 3)
    handing.intake.readNow()
    assert [one.listener for one in handing.port.taken] == [1, 1]
    assert [one.listener for one in other.taken] == [2]
    handing.port.taken += other.taken


def test_metersWeighWhatHasAMark(handing: Handing) -> None:
    """
    As the primary does.
    """
    handing.register.meters[NUMBER] = Meter()
    handing.hand(2, METERED)
    handing.hand()
    handing.intake.readNow()
    assert handing.register.meters[NUMBER].received == 2
    assert handing.port.changes == 2
    assert handing.port.taken[0].flags == METERED


def test_theEndOfTheQueueIsNoFailure(handing: Handing) -> None:
    """
    It is read no more.
    """
    handing.queue.end.close()
    handing.intake.readNow()
    assert not handing.isRead
    assert handing.intake.reader.failures == 0


class WrongTests(SynchronousTestCase):
    """
    What must not end the reading.
    """

    def setUp(self) -> None:
        self.handing = Handing()
        self.addCleanup(self.handing.close)

    def test_aPortThatRaisesLosesOnlyItsOwn(self) -> None:
        """
        Whatever it raises; the next message is taken in the same turn.
        """
        for wrong in (ValueError("bad"), SystemExit(), KeyboardInterrupt()):
            self.handing.port.wrong = wrong
            self.handing.hand()
            self.handing.hand()
            self.handing.intake.readNow()
        assert len(self.handing.port.taken) == 3
        assert len(self.flushLoggedErrors()) == 3
        assert self.handing.isRead

    def test_noMemoryIsWaitedFor(self) -> None:
        """
        The queue is read again after a short pause, however long it lasts, and what was
        in it is served.
        """
        for number in (errno.ENOBUFS, errno.ENOMEM, errno.EMFILE):
            self.handing.failing.wrong = number
            self.handing.hand()
            self.handing.intake.readNow()
            assert not self.handing.isRead
            self.handing.reactor.advance(RECEIVE_REST)
            assert self.handing.isRead
            for _ in range(9):
                self.handing.intake.readNow()
                self.handing.reactor.advance(RECEIVE_REST)
                assert self.handing.isRead
            self.handing.failing.wrong = 0
            self.handing.intake.readNow()
        assert len(self.handing.port.taken) == 3

    def test_whatIsNoMessageEndsNothing(self) -> None:
        """
        It is read over.
        """
        self.handing.queue.end.send(b"\xffrubbish")
        self.handing.hand()
        self.handing.intake.readNow()
        self.handing.reactor.advance(SHORTEST_REST)
        self.handing.intake.readNow()
        assert len(self.handing.port.taken) == 1
        assert len(self.flushLoggedErrors()) == 1

    def test_whatTheKernelDropsIsCountedAndSaid(self) -> None:
        """
        Where no descriptor is free for connections, they have ended, for the tallies and
        the meters too; it is said once a minute. Then service goes on.
        """
        self.handing.register.meters[NUMBER] = Meter()
        self.handing.hand(5, METERED)
        self.handing.hand(5, METERED)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Nothing that other tests have left is to be closed meanwhile.
        gc.collect()
        lowest = os.dup(self.handing.queue.end.fileno())
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 2, limits[1]))
        try:
            self.handing.intake.readNow()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        page, dropped = self.handing.page, 10 - len(self.handing.port.taken)
        assert dropped >= 8
        assert (page.lost, page.taken) == (dropped, 10)
        assert list(page.ended) == [dropped, dropped, 0, dropped]
        assert self.handing.register.meters[NUMBER].received == 10
        assert len(self.flushLoggedErrors()) == 0
        self.handing.hand()
        self.handing.intake.readNow()
        assert len(self.handing.port.taken) == 11 - dropped
