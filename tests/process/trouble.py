"""
Clusters of C{fixtures/faults}, whose workers and system calls can be made to fail.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.process.cluster import RunningCluster, environment, eventually, freePort

FAULTS = Path(__file__).parent / "fixtures" / "faults"
ODD = Path(__file__).parent / "fixtures" / "odd"
PATIENCE = 5.0


@contextmanager
def troubled(
    directory: Path,
    *more: str,
    workers: int = 2,
    descriptors: int | None = None,
    app: str = "trouble.obey",
    under: Sequence[str] = (),
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster, and its port. What is spoilt is how connections are handed over.

    @param descriptors: How many it may open, as C{ulimit -n} says, if not any number.
    @param under: A command that is to run it.
    """
    port = freePort()
    paths = [str(FAULTS), str(ODD), environment()["PYTHONPATH"]]
    env = {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FAULTS": str(directory),
    }
    arguments = [f"--workers={workers}", f"--app={app}", f"--listen=tcp:{port}"]
    arguments += ["--dispatch=handoff", *more]
    if descriptors is not None:
        under = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *under]
    with RunningCluster(arguments, directory, env, under=under) as cluster:
        cluster.waitOnline(workers)
        yield cluster, port


def makeFail(directory: Path, pid: int, call: str, error: str, times: int = 1) -> Path:
    """
    Make a system call fail.

    @param directory: Where the cluster runs.
    @param call: C{recvmsg}, C{handoff} or C{ioctl}.
    @return: A file that is there as long as it does.
    """
    path = directory / f"{pid}.{call}"
    whole = directory / f"{pid}.{call}.new"
    whole.write_text(f"{error} {times}")
    return whole.rename(path)


class Line:
    """
    A connection to a worker, that takes orders.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._file = self.socket.makefile("rwb")

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def tell(self, order: bytes) -> None:
        """
        Give an order.
        """
        self._file.write(order + b"\n")
        self._file.flush()

    def hear(self) -> bytes:
        """
        Wait for the answer.
        """
        return self._file.readline().strip()

    def say(self, order: bytes) -> bytes:
        """
        Give an order, and wait for the answer.
        """
        self.tell(order)
        return self.hear()


def server(port: int, timeout: float = PATIENCE) -> int:
    """
    Who serves the next client, within a generous time; 0 if nobody does.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as client:
            client.sendall(b"who\n")
            return int(client.recv(100) or 0)
    except OSError:
        return 0


def isServedBy(port: int, pids: Sequence[int]) -> bool:
    """
    Whether each of some workers serves, and nobody else.
    """
    wanted = set(pids)
    found: set[int] = set()
    for _ in range(50):
        found.add(server(port))
        if found == wanted or not found <= wanted:
            break
    return found == wanted


def isEnded(client: socket.socket) -> bool:
    """
    Whether the other end has closed it.
    """
    try:
        return not client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


@contextmanager
def manyClients(port: int, count: int) -> Iterator[list[socket.socket]]:
    """
    Clients that come at once, say nothing and stay.
    """
    clients = []
    try:
        for _ in range(count):
            client = socket.socket()
            clients.append(client)
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(("127.0.0.1", port))
        yield clients
    finally:
        for client in clients:
            client.close()


def saidSince(cluster: RunningCluster, before: int = 0) -> list[str]:
    """
    What was logged, without time and place.

    @param before: How much output there was.
    """
    lines = cluster.output()[before:].splitlines()
    return [re.sub(r"^\S+ (worker \d+ )?\[.*?\] ", "", line) for line in lines]


def backlogOf(port: int) -> int:
    """
    How many connections lie in the kernel.
    """
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        if fields[3] == "0A" and fields[1].endswith(f":{port:04X}"):
            return int(fields[4].partition(":")[2], 16)
    return 0


def waitServed(port: int, what: str, patience: float = 20.0) -> None:
    """
    Wait until somebody serves.
    """
    eventually(lambda: server(port, 1.0), what, patience)
