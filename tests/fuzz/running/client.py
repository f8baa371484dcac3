"""
Clients: an innocent one, which measures, and those of the fuzzer.
"""

from __future__ import annotations

import socket
import threading
import time

# Who is not served in so many seconds is not served.
PATIENCE = 3.0


def request(port: int, path: str, timeout: float = PATIENCE) -> bytes:
    """
    @return: What is answered; nothing if nobody does.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as client:
            client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return b"".join(iter(lambda: client.recv(1000), b""))
    except OSError:
        return b""


class Client(threading.Thread):
    """
    Comes again and again.

    @ivar waits: How long it waited each time, in seconds.
    @ivar failed: How often it was not served.
    """

    def __init__(self, port: int, path: str, rate: float) -> None:
        super().__init__(daemon=True)
        self.waits: list[float] = []
        self.failed = 0
        self._port = port
        self._path = path
        self._pause = 1 / rate
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(self._pause):
            begun = time.monotonic()
            if request(self._port, self._path):
                self.waits.append(time.monotonic() - begun)
            else:
                self.failed += 1

    def stop(self) -> None:
        """
        Come no more.
        """
        self._ended.set()
        self.join(2 * PATIENCE)

    def percentile(self, part: float) -> float:
        """
        @param part: 0 to 1.
        @return: In seconds; 0 if it never came.
        """
        waits = sorted(self.waits) or [0.0]
        return waits[min(len(waits) - 1, int(part * len(waits)))]
