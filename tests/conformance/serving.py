"""
What the scripts of tests with servers have beside the prelude.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import DatagramProtocol

from tests.conformance.prelude import (
    Client,
    Factory,
    Greeter,
    cluster,
    error,
    fetch,
    gatherResults,
    reactor,
    until,
)
from tests.process.cluster import freePort

__all__ = [
    "LOCAL",
    "Client",
    "Datagrams",
    "Inbox",
    "answersOf",
    "boundHere",
    "freePort",
    "listenUDP",
    "onCommand",
    "outcome",
    "processorTime",
    "serve",
    "socket",
    "tell",
    "up",
]

LOCAL = "127.0.0.1"


async def up(count: int = 1, **env: object) -> tuple[list[Any], list[int]]:
    """
    Fork workers, and wait until each of them listens.

    @return: The workers, and the port that each has told first.
    """
    texts = {name: str(value) for name, value in env.items()}
    workers = [cluster.fork(texts) for _ in range(count)]
    told = await gatherResults([worker.when("listening") for worker in workers])
    return workers, [info.port for info in told]


class Inbox:
    """
    The messages of a worker, one after the other.
    """

    def __init__(self, worker: Any) -> None:
        self.messages: list[Any] = []
        worker.on("message", lambda message: self.messages.append(message))

    async def next(self) -> Any:
        """
        The next one.
        """
        await until(lambda: self.messages)
        return self.messages.pop(0)


async def answersOf(port: int, count: int = 6) -> list[str]:
    """
    What several clients get, one after the other; each answer once, sorted.
    """
    return sorted({await fetch(port) for _ in range(count)})


def outcome(listen: Callable[[], Any]) -> str:
    """
    C{"listening"}, or the name of the error.
    """
    try:
        listen()
    except error.CannotListenError as problem:
        return errno.errorcode[problem.socketError.errno]
    return "listening"


def serve(port: int = 0, interface: str = LOCAL, **options: Any) -> Any:
    """
    Serve L{Greeter} on a TCP port.
    """
    factory = Factory.forProtocol(Greeter)
    return reactor.listenTCP(port, factory, interface=interface, **options)


def tell(message: object) -> None:
    """
    In a worker: send the primary a message.
    """
    cluster.worker.send(message)


def onCommand(act: Callable[..., Any]) -> Callable[..., Any]:
    """
    In a worker: call this for each message.
    """
    return cluster.worker.on("message", act)  # type: ignore[no-any-return]


class Datagrams(DatagramProtocol):
    """
    Keeps the datagrams that come, with their senders.
    """

    def __init__(self, heard: Callable[[bytes, int], Any] | None = None) -> None:
        """
        @param heard: Given each, and its sender's port.
        """
        self.got: list[tuple[bytes, int]] = []
        self._heard = heard

    def datagramReceived(self, data: bytes, peer: Any) -> None:
        self.got.append((data, peer[1]))
        if self._heard is not None:
            self._heard(data, peer[1])


def listenUDP(protocol: Any, port: int = 0, **options: Any) -> Any:
    """
    A UDP port of 127.0.0.1.
    """
    return reactor.listenUDP(port, protocol, interface=LOCAL, **options)


def boundHere() -> list[int]:
    """
    The ports of this process's listening TCP sockets and bound UDP sockets.
    """
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            copy = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        with copy:
            internet = copy.family in (socket.AF_INET, socket.AF_INET6)
            if internet and (
                copy.type == socket.SOCK_DGRAM
                or copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            ):
                found.append(copy.getsockname()[1])
    return [port for port in found if port]


def processorTime(pid: int) -> float:
    """
    How long a process has computed, in seconds.
    """
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
