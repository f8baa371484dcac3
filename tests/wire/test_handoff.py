"""
The handoff queue, with real sockets.
"""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis.strategies import integers, ip_addresses

from twisted_cluster.wire.handoff import (
    BATCH,
    VERSION,
    HandoffQueue,
    packRecord,
    receive,
    send,
)


def openDescriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


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
    back = [one for come in queue.takeBack() for one in come.connections]
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
    assert receive(queue.worker) == ([], ())
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
    text, *rest = received.name
    host = text.partition("%")[0]
    # ::ffff:0:0 and ::ffff:0.0.0.0 are one address.
    assert (ip_address(host), *rest) == (ip_address(name[0]), *name[1:])
    assert (received.listener, received.bounces) == (listener, bounces)


def test_aLinksAddressKeepsItsScope() -> None:
    """
    C{fe80::1%eth0} is what C{accept} says, and what a worker has to be told.
    """
    name = ("fe80::1%lo", 80, 0, socket.if_nametoindex("lo"))
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, two:
        send(one, [packRecord(1, name)], [one.fileno()])
        send(one, [packRecord(1, ("fe80::1%99", 80, 0, 99))], [one.fileno()])
        come = [*receive(two).connections, *receive(two).connections]
        for connection in come:
            os.close(connection.fd)
    # The interface may have gone meanwhile.
    assert [one.name for one in come] == [name, ("fe80::1%99", 80, 0, 99)]
