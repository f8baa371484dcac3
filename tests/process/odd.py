"""
Clusters with the policies of C{fixtures/odd}.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.process.cluster import RunningCluster, environment, freePort

# ip(7), IP_BIND_ADDRESS_NO_PORT
BIND_ADDRESS_NO_PORT = 24
ODD = Path(__file__).parent / "fixtures" / "odd"


@contextmanager
def odd(
    policy: str,
    directory: Path,
    *more: str,
    workers: int = 2,
    app: str = "odd_policies.collect",
    env: Mapping[str, str] | None = None,
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster, and its port.
    """
    port = freePort()
    path = os.pathsep.join([str(ODD), environment()["PYTHONPATH"]])
    arguments = [
        f"--workers={workers}",
        f"--policy={policy}",
        f"--app={app}",
        f"--listen=tcp:{port}",
        *more,
    ]
    told = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
    with RunningCluster(arguments, directory, told) as cluster:
        cluster.waitOnline(workers)
        yield cluster, port


def connect(port: int, source: str = "127.0.0.1", sent: bytes = b"") -> socket.socket:
    """
    A client of 127.0.0.1, from an address of its own.
    """
    client = socket.socket()
    client.settimeout(8.0)
    # Else it takes a port that the next test may want to listen on.
    client.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
    client.bind((source, 0))
    client.connect(("127.0.0.1", port))
    client.sendall(sent)
    return client


def everything(client: socket.socket) -> bytes:
    """
    What a client is sent until the end; nothing if it is turned away.
    """
    with client:
        try:
            return b"".join(iter(lambda: client.recv(65536), b""))
        except ConnectionResetError:
            return b""


def isServed(client: socket.socket) -> bool:
    """
    Whether something has come.
    """
    readable, _, _ = select.select([client], [], [], 0)
    return bool(readable) and bool(client.recv(1, socket.MSG_PEEK))


def isHeldBy(pid: int, client: socket.socket) -> bool:
    """
    Whether a process has the other end of a connection.
    """
    number = client.getsockname()[1]
    inodes = {
        f"socket:[{fields[9]}]"
        for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
        if fields[2].endswith(f":{number:04X}")
    }
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{fd}") in inodes:
                return True
        except OSError:
            pass  # it is closed meanwhile
    return False
