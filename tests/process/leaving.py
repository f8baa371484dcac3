"""
Clusters that are left while they serve.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.process.cluster import RunningCluster, environment, freePort

FIXTURES = Path(__file__).parent / "fixtures" / "lives"
ASK = b"GET %s HTTP/1.1\r\nHost: here\r\n\r\n"


@contextmanager
def leaving(
    app: str,
    directory: Path,
    *more: str,
    workers: int = 1,
    listen: str = "tcp:{}",
    env: Mapping[str, str] | None = None,
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster that serves something of C{fixtures/lives}, and its port.

    @param app: Of C{leaving}, if there is no name of a module.
    @param listen: Empty: the application listens itself, where C{WHERE} says.
    """
    port, name = freePort(), app if "." in app else f"leaving.{app}"
    where = [f"--listen={listen.format(port)}"] if listen else []
    arguments = [f"--workers={workers}", f"--app={name}", *where, *more]
    path = os.pathsep.join([str(FIXTURES), environment()["PYTHONPATH"]])
    told = {"PYTHONPATH": path, "WHERE": f"tcp:{port}", **(env or {})}
    with RunningCluster(arguments, directory, told) as cluster:
        cluster.waitOnline(workers)
        yield cluster, port


def client(port: int, sent: bytes = b"") -> socket.socket:
    """
    Somebody who is connected.
    """
    made = socket.create_connection(("127.0.0.1", port), 10.0)
    made.sendall(sent)
    return made


def asked(port: int, path: bytes = b"/") -> socket.socket:
    """
    Somebody who has been answered, and keeps the connection.
    """
    made = client(port, ASK % path)
    assert b"\r\n\r\n" in made.recv(4096)
    return made


def rest(one: socket.socket) -> bytes:
    """
    What comes until the end, which is no reset.
    """
    with one:
        return b"".join(iter(lambda: one.recv(65536), b""))


def stopping(cluster: RunningCluster) -> float:
    """
    Begin to stop.

    @return: When that was.
    """
    begun = time.monotonic()
    cluster.signal(signal.SIGTERM)
    return begun
