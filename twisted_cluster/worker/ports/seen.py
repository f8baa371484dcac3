"""
Connections that another worker had before, and may have still.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

from twisted_cluster.worker.ports.counted import CountedSocket

DONTWAIT = int(socket.MSG_DONTWAIT)
NO_LINGER = struct.pack("ii", 0, 0)


class SeenSocket(socket.socket):
    """
    One that never waits, although whoever has it too can let it block, or linger.
    """

    def recv(self, size: int, flags: int = 0) -> bytes:
        return super().recv(size, flags | DONTWAIT)

    def send(  # type: ignore[override]
        self, data: bytes | memoryview, flags: int = 0
    ) -> int:
        return super().send(data, flags | DONTWAIT)

    def close(self) -> None:
        if self.fileno() >= 0:
            with suppress(OSError):
                self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        super().close()


class SeenCountedSocket(SeenSocket, CountedSocket):
    """
    The same, whose end counts.
    """
