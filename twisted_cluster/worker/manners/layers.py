"""
Which protocols a connection has, one within the other.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from types import MethodType

from twisted.internet.interfaces import IReactorFDSet

from twisted_cluster.worker.ports.connections import CountedServer

# Where wrappers keep what they wrap: those of Twisted's policies, TLS among them, and
# what chooses between HTTP/1.1 and HTTP/2.
WITHIN = ("wrappedProtocol", "_channel")


def layersOf(connection: CountedServer) -> Sequence[object]:
    """
    @return: Its protocols, the outermost first; empty if it is lost.
    """
    layers: list[object] = []
    layer: object = vars(connection).get("protocol")
    while layer is not None and not any(layer is one for one in layers):
        layers.append(layer)
        layer = _within(layer)
    return layers


def _within(layer: object) -> object:
    # Not by getattr(): whatever an application has made of it is not to be asked.
    own = getattr(layer, "__dict__", {})
    for name in WITHIN:
        if name in own:
            return own[name]
    # Twisted's own web sockets take a channel's place in this way.
    taken = own.get("dataReceived")
    return taken.__self__ if isinstance(taken, MethodType) else None


def polled(reactor: IReactorFDSet) -> set[CountedServer]:
    """
    @return: The connections that a reactor reads, or writes to.
    """
    both = (*reactor.getReaders(), *reactor.getWriters())
    return {one for one in both if isinstance(one, CountedServer)}


def scanned() -> list[CountedServer]:
    """
    @return: All connections, also those that are paused. It takes some 0.1 µs for each
        object that there is: a list of them would cost something with each connection.
    """
    # Not isinstance(): that asks objects what their class is, and runs their code.
    found = [one for one in gc.get_objects() if issubclass(type(one), CountedServer)]
    return [one for one in found if one.connected and not one.disconnected]
