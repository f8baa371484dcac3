"""
Workers that greet with their numbers, and what their clients hear.
"""

from __future__ import annotations

import socket
from pathlib import Path

from tests.conformance.scripts import Script

GREET = """
if cluster.isWorker:
    listen(port=int(os.environ.get("PORT", "0")))
else:
    COUNT = int(sys.argv[1])
    def told(worker, info):
        say("listening", id=worker.id, pid=worker.process.pid, port=info.port)
    cluster.on("listening", told)
    for _ in range(COUNT):
        cluster.fork()
reactor.run()
"""


def greeting(directory: Path, workers: int) -> Script:
    """
    A primary whose workers greet with their numbers, until it is told to stop.
    """
    return Script(GREET, directory, arguments=[str(workers)])


def heardBy(client: socket.socket) -> bytes:
    """
    All until the connection is closed, be it with a reset.
    """
    with client:
        client.settimeout(5)
        try:
            return b"".join(iter(lambda: client.recv(100), b""))
        except ConnectionResetError:
            return b""
