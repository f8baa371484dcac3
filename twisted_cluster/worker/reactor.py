"""
The cluster reactor: any posix reactor, whose ports the primary owns.
"""

from __future__ import annotations

import os
import resource
import signal
from time import monotonic_ns
from typing import Any

from twisted.application.reactors import installReactor

from twisted_cluster.wire.descriptors import takeAnnouncement
from twisted_cluster.worker.link import Link
from twisted_cluster.worker.port import TCPPort, UDPPort, UNIXPort

LONGEST_WAIT = 0.1
BEAT_EVERY = 5_000_000


class ClusterReactorMixin:
    """
    What a posix reactor does differently in a worker.
    """

    clusterLink: Link
    _nextBeat = 0
    _nextTurn = 0

    def listenTCP(
        self, port: Any, factory: Any, backlog: int = 50, interface: str = ""
    ) -> TCPPort:
        return self._begin(TCPPort(port, factory, backlog, interface, self))

    def listenUNIX(
        self,
        address: Any,
        factory: Any,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> UNIXPort:
        return self._begin(UNIXPort(address, factory, backlog, mode, self, wantPID))

    def listenUDP(
        self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192
    ) -> UDPPort:
        return self._begin(UDPPort(port, protocol, interface, maxPacketSize, self))

    def _begin(self, port: Any) -> Any:
        port.link = self.clusterLink
        port.startListening()
        return port

    def getReaders(self) -> list[Any]:
        return super().getReaders() + self._takingPorts()  # type: ignore[misc,no-any-return]

    def removeAll(self) -> list[Any]:
        ports = self._takingPorts()
        for port in ports:
            port.stopReading()
        return super().removeAll() + ports  # type: ignore[misc,no-any-return]

    def _takingPorts(self) -> list[Any]:
        ports = self.clusterLink.ports.values()
        return [port for port in ports if getattr(port, "taking", False)]

    def timeout(self) -> float:
        # Asked once in every turn of the loop, so that every microsecond counts.
        asked = super().timeout()  # type: ignore[misc]
        now = monotonic_ns()
        if now >= self._nextBeat:
            self._nextBeat = now + BEAT_EVERY
            self.clusterLink.beat(now, now - (self._nextTurn or now))
        wait = asked if asked is not None and asked < LONGEST_WAIT else LONGEST_WAIT
        self._nextTurn = now + int(wait * 1e9)
        return wait  # type: ignore[no-any-return]

    def sigTerm(self, number: int, frame: Any = None) -> None:
        self.callFromThread(self.clusterLink.leave, number)  # type: ignore[attr-defined]


def clusterize(reactor: Any, link: Link) -> None:
    """
    Turn a reactor into a worker's.

    @param reactor: A stock one, which has not run yet.
    """
    base = reactor.__class__
    # Twisted's child processes import the reactor by the name of its class's module,
    # and its tests know reactors by the names of their classes.
    names = {"__module__": base.__module__, "__qualname__": base.__qualname__}
    reactor.__class__ = type(base.__name__, (ClusterReactorMixin, base), names)
    reactor.clusterLink = link
    link.attach(reactor)


def install() -> None:
    """
    Install the cluster reactor; what C{--reactor=cluster} does.

    @raise StartError: If this process is not a worker.
    """
    announcement = takeAnnouncement(os.environ)
    # Ctrl-C reaches the whole foreground group: the primary decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    reactor = installReactor(announcement.reactor)
    clusterize(reactor, Link.inherit(announcement))
