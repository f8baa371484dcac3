"""
What a room asks of a reactor, each the narrowest that will do.

A function that only waits asks for Twisted's L{IReactorTime}, one that only reads for
L{IReactorFDSet}; these are for who needs several. They are types: what is passed is any
posix reactor, or a double of a test, which need not say that it provides them.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.interfaces import (
    IReactorCore,
    IReactorFDSet,
    IReactorProcess,
    IReactorSocket,
    IReactorTCP,
    IReactorThreads,
    IReactorTime,
    IReactorUDP,
    IReactorUNIX,
)


class IPollingReactor(IReactorTime, IReactorFDSet):
    """
    Reads, writes, and knows the time: for wires, ports and timers.
    """


class IWireReactor(IPollingReactor, IReactorSocket):
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


def theReactor() -> IClusterReactor:
    """
    This process's reactor, installed now if there was none. Only for where a process,
    or a script, begins: whatever else needs one is given it.
    """
    from twisted.internet import reactor

    return cast(IClusterReactor, reactor)
