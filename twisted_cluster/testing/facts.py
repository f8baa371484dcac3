"""
Facts for tests: workers and connections that nobody has to start.
"""

from __future__ import annotations

from attrs import Factory, frozen
from zope.interface import implementer

from twisted_cluster.events import ConnectionFacts, ListenerFacts, SocketName
from twisted_cluster.interfaces import IWorkerLoad

LISTENER = ListenerFacts(1, "tcp:80", ("192.0.2.80", 80))
MEGABYTE = 1 << 20


@implementer(IWorkerLoad)
@frozen
class WorkerLoad:
    """
    A worker as a policy sees it; see L{IWorkerLoad}.
    """

    number: int
    active: int = 0
    queued: int = 0
    lag: float = 0.0
    id: int = Factory(lambda self: self.number, takes_self=True)
    group: str = ""
    weight: int = 1
    generation: int = 1
    cpu: float = 0.0
    rss: int = 50 * MEGABYTE
    age: float = 60.0
    draining: bool = False

    @property
    def load(self) -> int:
        return self.active + self.queued


def idleWorkers(count: int) -> list[WorkerLoad]:
    """
    @return: Workers 1 to C{count}, with nothing to do.
    """
    return [WorkerLoad(number) for number in range(1, count + 1)]


def connectionFrom(
    host: str = "192.0.2.1",
    port: int = 49152,
    *,
    first: bytes = b"",
    listener: ListenerFacts = LISTENER,
) -> ConnectionFacts:
    """
    @param host: The peer's numeric address; C{""} for a peer at a UNIX socket.
    @param port: The peer's.
    @param first: What it has sent, for a policy that looks.
    @param listener: What it connected to.
    """
    return ConnectionFacts(listener, _peerName(host, port), first)


def clientAddress(number: int) -> str:
    """
    @param number: From 0 to 16,777,215.
    @return: An IPv4 address of its own.
    """
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def _peerName(host: str, port: int) -> SocketName:
    if not host:
        return ""
    return (host, port, 0, 0) if ":" in host else (host, port)
