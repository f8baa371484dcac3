"""
Clients who want nothing but to be served, again and again.
"""

from __future__ import annotations

import itertools
import math
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from types import TracebackType

from attrs import frozen

CLIENTS = 5
RATE = 50.0
PATIENCE = 5.0


@frozen
class Request:
    """
    What became of one.

    @ivar port: The client's.
    @ivar begun: C{time.monotonic}.
    @ivar wait: In seconds.
    @ivar pid: Who served it; 0: nobody.
    @ivar why: Why nobody did.
    """

    port: int
    begun: float
    wait: float
    pid: int
    why: str = ""


class Innocents:
    """
    They come as long as a C{with} block lasts, L{RATE} times a second in all.

    @ivar requests: What became of them, so far.
    """

    def __init__(self, port: int) -> None:
        self.requests: list[Request] = []
        self._port = port
        self._isOver = threading.Event()
        self._threads = [
            threading.Thread(target=self._come, args=[number], daemon=True)
            for number in range(CLIENTS)
        ]

    def __enter__(self) -> Innocents:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._isOver.set()
        for thread in self._threads:
            thread.join()

    def _come(self, number: int) -> None:
        pause = CLIENTS / RATE
        due = time.monotonic() + number / RATE
        while not self._isOver.wait(max(0.0, due - time.monotonic())):
            self.requests.append(ask(self._port))
            # Who had to wait does not come the more often then.
            due = max(due + pause, time.monotonic())

    def since(self, when: float) -> Sequence[Request]:
        """
        @return: Those that began at that time or later.
        """
        return [each for each in list(self.requests) if each.begun >= when]


def ask(port: int) -> Request:
    """
    Be served once.
    """
    client, mine, begun = socket.socket(), 0, time.monotonic()
    client.settimeout(PATIENCE)
    pid, why = 0, ""
    with client:
        try:
            client.connect(("127.0.0.1", port))
            mine = client.getsockname()[1]
            client.sendall(b"who\n")
            pid = int(b"".join(iter(lambda: client.recv(100), b"")) or 0)
            why = "" if pid else "closed"
        except (OSError, ValueError) as error:
            why = str(error)
    return Request(mine, begun, time.monotonic() - begun, pid, why)


def percentile(waits: Iterable[float], percent: float) -> float:
    """
    @return: The wait, in seconds, that so many percent do not exceed; 0 for none.
    """
    ordered = sorted(waits)
    at = math.ceil(len(ordered) * percent / 100) - 1
    return next(itertools.islice(ordered, max(0, at), None), 0.0)
