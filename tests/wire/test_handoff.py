"""
The handoff queue, with real sockets.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis.strategies import integers, ip_addresses

from tests.leftovers import openNow
from tests.logged import Logged
from tests.wire.poor import fewDescriptors, poor
from twisted_cluster.errors import MessageError, QueueEndedError, VersionError
from twisted_cluster.wire.handed import (
    METERED,
    VERSION,
    Handed,
    packRecord,
)
from twisted_cluster.wire.handoff import (
    BATCH,
    HandoffQueue,
    receive,
    send,
)


def openDescriptors() -> int:
    return len(openNow())


def closeFds(connections: Iterable[Handed]) -> None:
    for connection in connections:
        os.close(connection.fd)


def put(queue: HandoffQueue, count: int) -> None:
    """
    Hand over the writing ends of so many pipes, as one message.
    """
    for reading, writing in [os.pipe() for _ in range(count)]:
        os.close(reading)
        send(queue.end, [packRecord(1, ("127.0.0.1", 80))], [writing])
        os.close(writing)


def fill(queue: HandoffQueue) -> None:
    """
    Hand over more than any queue takes.
    """
    for _ in range(10000):
        send(queue.end, [packRecord(1, "")], [queue.end.fileno()])


def test_depthIsExact() -> None:
    """
    The kernel says how many connections are in the queue, whatever the messages.
    """
    before = openDescriptors()
    queue = HandoffQueue()
    put(queue, 3)
    send(queue.end, [packRecord(1, "")] * 5, [queue.end.fileno()] * 5)
    assert queue.depth() == 8
    for connection in receive(queue.worker).connections:
        os.close(connection.fd)
    assert queue.depth() == 7
    queue.close()
    assert openDescriptors() == before


def test_whatIsTakenBackIsAllThatIsLeft() -> None:
    """
    Everything not received comes back, with its address, and the queue is empty.
    """
    queue = HandoffQueue()
    put(queue, 4)
    back = [one for come in queue.takeBack().messages for one in come.connections]
    assert [(c.listener, c.name, c.bounces) for c in back] == [
        (1, ("127.0.0.1", 80), 0)
    ] * 4
    assert queue.depth() == 0
    for connection in back:
        os.close(connection.fd)
    queue.close()


def test_receivedDescriptorsAreNotInherited() -> None:
    """
    They are close-on-exec from the first moment.
    """
    queue = HandoffQueue()
    put(queue, 1)
    (connection,) = receive(queue.worker).connections
    assert not os.get_inheritable(connection.fd)
    os.close(connection.fd)
    queue.close()


def test_fullQueueSaysSo() -> None:
    """
    A queue that nobody reads is full at some point, and then takes nothing.
    """
    queue = HandoffQueue()
    with pytest.raises(BlockingIOError):
        fill(queue)
    queue.close()


def test_aWholeBatchFits() -> None:
    """
    One message carries up to BATCH connections.
    """
    before = openDescriptors()
    queue = HandoffQueue()
    send(queue.end, [packRecord(1, "")] * BATCH, [queue.end.fileno()] * BATCH)
    received = receive(queue.worker).connections
    assert len(received) == BATCH
    for connection in received:
        os.close(connection.fd)
    queue.close()
    assert openDescriptors() == before


def test_rubbishIsNoConnection() -> None:
    """
    A message of the wrong size loses its descriptors, not ours.
    """
    before = openDescriptors()
    queue = HandoffQueue()
    socket.send_fds(queue.end, [bytes([VERSION])], [0, 1])
    with pytest.raises(MessageError, match="0 records with 2 descriptors"):
        receive(queue.worker)
    queue.close()
    assert openDescriptors() == before


@given(ip_addresses(), integers(0, 65535), integers(1, 2**32 - 1), integers(0, 255))
def test_addressesComeBackAsTheyWent(
    host: object, port: int, listener: int, bounces: int
) -> None:
    """
    IPv4 and IPv6 peers survive the trip.
    """
    name = (str(host), port) if "." in str(host) else (str(host), port, 0, 3)
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, two:
        send(one, [packRecord(listener, name, bounces)], [one.fileno()])
        (received,) = receive(two).connections
        os.close(received.fd)
    host, *rest = received.name
    # ::ffff:0:0 and ::ffff:0.0.0.0 are one address.
    assert (ip_address(host), *rest) == (ip_address(name[0]), *name[1:])
    assert (received.listener, received.bounces) == (listener, bounces)


def test_aLinksAddressKeepsItsScope() -> None:
    """
    As the number that C{accept} gives, also of an interface that has gone meanwhile.
    """
    name = ("fe80::1", 80, 0, 99)
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, two:
        send(one, [packRecord(1, name)], [one.fileno()])
        (received,) = receive(two).connections
        os.close(received.fd)
    assert received.name == name


def test_theEndIsAnErrorOfItsOwn() -> None:
    """
    Not to be taken for an empty queue, nor for connections that were lost.
    """
    queue = HandoffQueue()
    put(queue, 1)
    queue.end.close()
    closeFds(receive(queue.worker).connections)
    with pytest.raises(QueueEndedError):
        receive(queue.worker)
    assert queue.takeBack().messages == []
    queue.close()


def test_aQueueThatIsClosedMeanwhileIsNoTrouble(logged: Logged) -> None:
    """
    Its worker was killed while what it had not taken was being taken back.
    """
    queue = HandoffQueue()
    queue.close()
    assert queue.takeBack().messages == []
    assert logged.texts() == []


def test_whatTheKernelDroppedIsCounted() -> None:
    """
    A worker without free descriptors knows what it has lost, and of which ports; what
    it had room for it has, and what comes next.
    """
    before = openDescriptors()
    queue = HandoffQueue()
    records = [packRecord(n, ("127.0.0.1", n), 0, n, METERED) for n in range(1, 6)]
    send(queue.end, records, [queue.end.fileno()] * 5)
    put(queue, 1)
    with fewDescriptors(2):
        connections, lost = receive(queue.worker)
    assert [one.listener for one in connections] == [1, 2]
    assert lost == [Handed(-1, n, ("127.0.0.1", n), 0, n, METERED) for n in (3, 4, 5)]
    closeFds(connections)
    closeFds(receive(queue.worker).connections)
    with pytest.raises(BlockingIOError):
        receive(queue.worker)
    queue.close()
    assert openDescriptors() == before


def test_allDroppedIsNotTheEnd() -> None:
    """
    With no descriptor free at all the message is still one.
    """
    queue = HandoffQueue()
    send(queue.end, [packRecord(1, "")] * 3, [queue.end.fileno()] * 3)
    with fewDescriptors(0):
        connections, lost = receive(queue.worker)
    assert (connections, len(lost)) == ([], 3)
    queue.close()


def test_takingBackGoesOnBehindWhatWasDropped() -> None:
    """
    Of five messages none is left in the queue, whatever became of the first.
    """
    queue = HandoffQueue()
    put(queue, 5)
    with fewDescriptors(4):
        messages = queue.takeBack().messages
    assert [len(come.lost) for come in messages] == [0, 0, 0, 0, 1]
    back = [one for come in messages for one in come.connections]
    assert len(back) == 4
    closeFds(back)
    assert queue.depth() == 0
    queue.close()


def test_takingBackGoesOnBehindRubbish() -> None:
    """
    Whatever lies in the queue, what is behind it comes back.
    """
    queue = HandoffQueue()
    put(queue, 1)
    for rubbish in (b"", b"\xff" * 40):
        socket.send_fds(queue.end, [rubbish], [0])
        put(queue, 1)
    back = [one for come in queue.takeBack().messages for one in come.connections]
    assert len(back) == 3
    closeFds(back)
    queue.close()


@pytest.mark.parametrize("wrong", [errno.ENOBUFS, errno.ENOMEM])
def test_withoutMemoryNothingIsLost(wrong: int) -> None:
    """
    It is said, and stays in the queue for later.
    """
    queue = HandoffQueue()
    queue.worker = worker = poor(queue.worker)
    put(queue, 2)
    worker.wrong = wrong
    with pytest.raises(OSError, match=os.strerror(wrong)):
        receive(worker)
    assert queue.takeBack().messages == []
    worker.wrong = 0
    back = [one for come in queue.takeBack().messages for one in come.connections]
    assert len(back) == 2
    closeFds(back)
    queue.close()


@pytest.mark.parametrize(
    ("data", "error"), [(b"", MessageError), (b"\x01" * 40, VersionError)]
)
def test_whatIsNoMessageSaysSo(data: bytes, error: type[Exception]) -> None:
    """
    An empty one, or another version's: neither is the end; what came along is closed.
    """
    before = openDescriptors()
    queue = HandoffQueue()
    socket.send_fds(queue.end, [data], [0, 1])
    put(queue, 1)
    with pytest.raises(error):
        receive(queue.worker)
    closeFds(receive(queue.worker).connections)
    queue.close()
    assert openDescriptors() == before


def test_recordsHaveRoomToGrow() -> None:
    """
    40 bytes, of which the first is the version.
    """
    record = packRecord(2**32 - 1, ("::1", 65535, 0, 2**32 - 1), 255, 2**32 - 1, 255)
    assert (len(record), record[0]) == (40, VERSION)
