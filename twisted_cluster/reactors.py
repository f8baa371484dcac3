"""
What a room asks of a reactor, each the narrowest that will do.

A function that only waits asks for Twisted's L{IReactorTime}, one that only reads for
L{IReactorFDSet}; these are for who needs several. They are types: what is passed is any
posix reactor, or a double of a test, which need not say that it provides them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorCore,
    IReactorFDSet,
    IReactorProcess,
    IReactorTCP,
    IReactorThreads,
    IReactorTime,
    IReactorUDP,
    IReactorUNIX,
)
from twisted.internet.protocol import AbstractDatagramProtocol
from zope.interface import Interface

if TYPE_CHECKING:
    from twisted.internet.tcp import Connection


class IPollingReactor(IReactorTime, IReactorFDSet):
    """
    Reads, writes, and knows the time: for wires, ports and timers.
    """


class IAdoptingReactor(Interface):
    """
    Takes sockets that others have opened; it keeps a copy of each.

    @see: L{twisted.internet.interfaces.IReactorSocket}, whose types say that a connection
        has no transport, and that only some factories and protocols will do.
    """

    def adoptStreamConnection(
        fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> Connection | None:
        """
        @return: The transport, or L{None} if the factory built no protocol.
        """

    def adoptStreamPort(
        fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        """
        Accept connections from a listening socket.
        """

    def adoptDatagramPort(
        fileDescriptor: int,
        addressFamily: int,
        protocol: AbstractDatagramProtocol,
        maxPacketSize: int = 8192,
    ) -> IListeningPort:
        """
        Read datagrams from a bound socket.
        """


class IWireReactor(IPollingReactor, IAdoptingReactor):
    """
    The same, and takes sockets that others have opened: for what may bring handles.
    """


class IClusterReactor(
    IWireReactor,
    IReactorCore,
    IReactorProcess,
    IReactorTCP,
    IReactorThreads,
    IReactorUDP,
    IReactorUNIX,
):
    """
    The whole reactor of a process: for what begins there, and hands on less.
    """


def wholeReactor(reactor: IReactorCore) -> IClusterReactor:
    """
    What users pass is typed as less than it is: C{twisted.internet.reactor} says only
    what every reactor does.
    """
    return cast(IClusterReactor, reactor)


def theReactor() -> IClusterReactor:
    """
    This process's reactor, installed now if there was none. Only for where a process,
    or a script, begins: whatever else needs one is given it.
    """
    from twisted.internet import reactor

    return wholeReactor(reactor)
