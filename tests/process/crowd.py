"""
Clients that connect again and again, each for one request, and what becomes of them.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SERVED, REFUSED, FAILED = "served", "refused", "failed"
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
PATIENCE = 10.0


class Crowd:
    """
    So many of them, each in a thread of its own.

    @ivar count: How many requests came to which end: L{SERVED}; L{REFUSED}, as nobody
        listened; L{FAILED}, once connected.
    @ivar why: What failed, in words.
    @ivar worst: The longest that one which was served has waited, in seconds.
    """

    def __init__(self, connect: Callable[[], socket.socket], pause: float) -> None:
        self._connect = connect
        self._pause = pause
        self._isOver = threading.Event()
        self.count: Counter[str] = Counter()
        self.why: Counter[str] = Counter()
        self.worst = 0.0

    def run(self) -> None:
        """
        One client, until it is over.
        """
        while not self._isOver.wait(self._pause):
            begun = time.monotonic()
            end = self._request()
            self.count[end] += 1
            if end == SERVED:
                self.worst = max(self.worst, time.monotonic() - begun)
            elif end == REFUSED:
                # Not as fast as it can: that would be all that the machine does.
                time.sleep(0.01)

    def stop(self) -> None:
        """
        No more requests.
        """
        self._isOver.set()

    def _request(self) -> str:
        try:
            client = self._connect()
        except (ConnectionRefusedError, FileNotFoundError):
            return REFUSED
        except OSError as error:
            self.why[f"connect: {error}"] += 1
            return FAILED
        with client:
            try:
                client.sendall(REQUEST)
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            except OSError as error:
                self.why[str(error)] += 1
                return FAILED
        if answer.endswith(b"."):
            return SERVED
        self.why[f"answered {answer[-20:]!r}"] += 1
        return FAILED


def toPort(port: int) -> Callable[[], socket.socket]:
    """
    @return: Connects to a port of this machine.
    """
    return lambda: socket.create_connection(("127.0.0.1", port), PATIENCE)


def toPath(path: str) -> Callable[[], socket.socket]:
    """
    @return: Connects to a UNIX socket.
    """

    def connect() -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        try:
            client.connect(path)
        except BaseException:
            client.close()
            raise
        return client

    return connect


@contextmanager
def crowd(
    connect: Callable[[], socket.socket], clients: int = 16, pause: float = 0.0
) -> Iterator[Crowd]:
    """
    They are there while a C{with} block lasts, and have all ended after it.
    """
    made = Crowd(connect, pause)
    threads = [threading.Thread(target=made.run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.stop()
        for thread in threads:
            thread.join(PATIENCE)
