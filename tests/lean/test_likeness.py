"""
What connections go through on the lean reactor they go through on the stock one.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.lean.turning import Recorder, connect, turn
from twisted_cluster.lean.reactor import LeanReactor

# More than a transport buffers before it pauses a producer.
LONG = b"l" * 70_000


@implementer(IPushProducer)
class Producer:
    """
    Notes what it is told.
    """

    def __init__(self, told: list[object]) -> None:
        self._told = told

    def pauseProducing(self) -> None:
        self._told.append("pause")

    def resumeProducing(self) -> None:
        self._told.append("resume")

    def stopProducing(self) -> None:
        self._told.append("stop")


@implementer(IHalfCloseableProtocol)
class HalfClosing(Recorder):
    """
    Goes on when the other side has ended.
    """

    writesLost = 0

    def readConnectionLost(self) -> None:
        self.heard.append("read lost")

    def writeConnectionLost(self) -> None:
        # Whether it comes before what can be read in the same turn nobody promises.
        self.writesLost += 1


class Ends:
    """
    The ends of one connection, and what can be done with them.

    @ivar got: What the client has received, and C{None} at the end.
    """

    def __init__(self, reactor: EPollReactor, kind: type[Recorder]) -> None:
        self.protocol, self.client = connect(reactor, self._hear, kind)
        self.client.setblocking(False)
        assert isinstance(self.protocol.transport, Connection)
        self.transport = self.protocol.transport
        self.got = b""
        self.end: object = None

    def _hear(self, protocol: Recorder, data: bytes) -> None:
        # Each letter is an order.
        for letter in data.decode():
            ORDERS[letter](self)

    def send(self, data: bytes) -> None:
        """
        The client says something.
        """
        try:
            self.client.sendall(data)
        except OSError:
            pass

    def finish(self) -> None:
        """
        The client will say no more.
        """
        try:
            self.client.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self) -> None:
        """
        The client is gone.
        """
        linger = struct.pack("ii", 1, 0)
        if self.client.fileno() >= 0:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.client.close()

    def read(self) -> None:
        """
        The client takes what there is.
        """
        while self.client.fileno() >= 0 and self.end is None:
            try:
                data = self.client.recv(1 << 20)
            except BlockingIOError:
                return
            except OSError as error:
                self.end = type(error)
                return
            self.got += data
            if not data:
                self.end = "end"

    def resume(self) -> None:
        """
        The server reads on, if there may be something.
        """
        if "read lost" not in self.protocol.heard:
            self.transport.resumeProducing()

    def produce(self) -> None:
        """
        A producer comes, or goes.
        """
        if self.transport.producer is None:
            self.transport.registerProducer(Producer(self.protocol.heard), True)
        else:
            self.transport.unregisterProducer()


ORDERS: dict[str, Callable[[Ends], object]] = {
    "w": lambda ends: ends.transport.write(b"w"),
    "W": lambda ends: ends.transport.write(LONG),
    "p": lambda ends: ends.transport.pauseProducing(),
    "r": lambda ends: ends.resume(),
    "l": lambda ends: ends.transport.loseConnection(),
    "a": lambda ends: ends.transport.abortConnection(),
    "h": lambda ends: ends.transport.loseWriteConnection(),
    "P": lambda ends: ends.produce(),
    "x": lambda ends: 1 / 0,
}
STEPS: dict[str, Callable[[Ends], object]] = {
    "finish": Ends.finish,
    "reset": Ends.reset,
}


def story(
    made: EPollReactor, kind: type[Recorder], steps: list[tuple[str, str, str]]
) -> tuple[object, ...]:
    """
    @param steps: What the client says, what it does, and what the server does unasked.
    @return: What the server's protocol and the client have heard.
    """
    ends = Ends(made, kind)
    for said, done, orders in steps:
        ends.send(said.encode())
        settle(made, ends)
        if done:
            # Who can read and write in the same turn writes first only on the lean one.
            ends.resume()
            settle(made, ends)
            STEPS[done](ends)
            settle(made, ends)
        for order in orders:
            if ends.transport.connected:
                ORDERS[order](ends)
                settle(made, ends)
    ends.transport.abortConnection()
    settle(made, ends)
    ends.client.close()
    for each in [*made.removeAll(), made.waker]:
        each.connectionLost(Failure(ConnectionLost()))
    writesLost = getattr(ends.protocol, "writesLost", 0)
    return ends.protocol.heard, writesLost, ends.got, ends.end


def settle(made: EPollReactor, ends: Ends) -> None:
    """
    Give either side the time to see what the other has done.
    """
    for _ in range(12):
        turn(made, 1)
        ends.read()


UNASKED = "".join(set(ORDERS) - {"x"})


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([Recorder, HalfClosing]),
    st.lists(
        st.tuples(
            st.text("".join(ORDERS), max_size=4),
            st.sampled_from(["", *STEPS]),
            st.text(UNASKED, max_size=3),
        ),
        max_size=4,
    ),
)
def test_storiesAreTheSame(
    kind: type[Recorder], steps: list[tuple[str, str, str]]
) -> None:
    """
    Whatever either side does, if each has time to see what the other has done.
    """
    assert story(LeanReactor(), kind, steps) == story(EPollReactor(), kind, steps)
