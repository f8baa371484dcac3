"""
A reactor that is turned by hand, and connections over loopback.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

CALLS = ("register", "modify", "unregister")


class CountingPoller:
    """
    What the kernel was told.

    @ivar told: The names of the calls.
    @ivar error: What the next one fails with, if it is to fail.
    """

    def __init__(self, real: select.epoll) -> None:
        self._real = real
        self.told: list[str] = []
        self.error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        return self._counted(name, real) if name in CALLS else real

    def _counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: int) -> None:
            self.told.append(name)
            error, self.error = self.error, None
            if error is not None:
                raise error
            real(*given)

        return call


class Recorder(Protocol):
    """
    Says what happens to it.

    @ivar heard: What was received, and at last the class of the reason of its end.
    """

    def __init__(self, answer: Callable[[Recorder, bytes], object]) -> None:
        self.heard: list[object] = []
        self._answer = answer

    def dataReceived(self, data: bytes) -> None:
        self.heard.append(data)
        self._answer(self, data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.heard.append(reason.type)

    @property
    def received(self) -> bytes:
        """
        All that was received.
        """
        return b"".join(each for each in self.heard if isinstance(each, bytes))


def echo(protocol: Recorder, data: bytes) -> None:
    """
    Answer with what was asked.
    """
    assert protocol.transport is not None, "it was not connected"
    protocol.transport.write(data)


def connect(
    reactor: EPollReactor,
    answer: Callable[[Recorder, bytes], object] = echo,
    kind: type[Recorder] = Recorder,
) -> tuple[Recorder, socket.socket]:
    """
    @return: A server's end of a new TCP connection, and the client's.
    """
    made = kind(answer)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    client.settimeout(5)
    accepted.setblocking(False)
    with accepted:
        # What it makes a copy of is closed, as it would be after a handoff.
        factory = Factory.forProtocol(lambda: made)  # type: ignore[arg-type]
        reactor.adoptStreamConnection(accepted.fileno(), socket.AF_INET, factory)
    return made, client


def turn(reactor: EPollReactor, times: int = 4) -> None:
    """
    Let a reactor do what it can at once.
    """
    for _ in range(times):
        reactor.iterate(0)
