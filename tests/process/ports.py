"""
Workers that are told where to listen while they run.
"""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.process.cluster import RunningCluster, eventually, freePort

FIXTURES = Path(__file__).parent / "fixtures"
LOCAL = "127.0.0.1"
PATIENCE = 8.0


class Told:
    """
    A port that a worker was told to open, or why it could not.

    @ivar error: The error's name, errno and text, if it could not.
    """

    def __init__(self, worker: Commanded, said: list[Any]) -> None:
        self._worker = worker
        self.error = said if isinstance(said[0], str) else None
        self.index, self.port = said[:2]

    def do(self, word: str, **given: Any) -> Any:
        """
        Have the worker do something with the port.
        """
        return self._worker.say(word, self.index, **given)

    def get(self, name: str) -> Any:
        """
        An attribute of the port.
        """
        return self.do("get", name=name)


class Commanded:
    """
    A worker, by a connection to it.
    """

    def __init__(self, line: socket.socket) -> None:
        self._file = line.makefile("rwb")
        self.pid = int(self._file.readline())

    def leave(self, line: socket.socket) -> None:
        """
        Hang up.
        """
        self._file.close()
        line.close()

    def tell(self, word: str, where: Any, **given: Any) -> None:
        """
        Give an order.
        """
        self._file.write(json.dumps([word, where, given]).encode() + b"\n")
        self._file.flush()

    def hear(self) -> Any:
        """
        Wait for what came of it.
        """
        return json.loads(self._file.readline())

    def say(self, word: str, where: Any, **given: Any) -> Any:
        """
        Give an order, and wait for what came of it.
        """
        self.tell(word, where, **given)
        return self.hear()

    def listen(self, kind: str, where: Any = 0, **options: Any) -> Told:
        """
        Have it listen, on 127.0.0.1 unless C{options} say otherwise.
        """
        if kind != "UNIX":
            options.setdefault("interface", LOCAL)
        return Told(self, self.say(kind, where, **options))


class Served:
    """
    A client of a worker's port.
    """

    def __init__(self, port: int | str) -> None:
        if isinstance(port, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(PATIENCE)
            self.socket.connect(port)
        else:
            self.socket = socket.create_connection((LOCAL, port), PATIENCE)

    def server(self) -> int:
        """
        Wait to be served.

        @return: The worker's pid, 0 if the connection was closed.
        """
        try:
            return int(self.socket.recv(100) or 0)
        except ConnectionResetError:
            # It was in the backlog of a port that was closed.
            return 0

    def isServed(self) -> bool:
        """
        Whether anything comes, within a tenth of a second.
        """
        return bool(select.select([self.socket], [], [], 0.1)[0])

    def echoes(self) -> bool:
        """
        Whether it is served still.
        """
        self.socket.sendall(b"hello")
        return self.socket.recv(100) == b"hello"

    def close(self) -> None:
        """
        Go away.
        """
        self.socket.close()


def servers(port: int | str, count: int) -> list[int]:
    """
    Who serves so many clients, one after the other.
    """
    found = []
    for _ in range(count):
        client = Served(port)
        found.append(client.server())
        client.close()
    return found


def isRefused(port: int | str) -> bool:
    """
    Whether nobody listens.
    """
    try:
        Served(port).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    return False


def processorTime(*pids: int) -> float:
    """
    The seconds that processes have run.
    """
    ticks = 0
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(stat[11]) + int(stat[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def commanded(
    directory: Path, *arguments: str, workers: int = 2
) -> Iterator[tuple[RunningCluster, list[Commanded]]]:
    """
    A cluster, and a line to each of its workers, by slot.
    """
    control = freePort()
    tac = str(FIXTURES / "ports.tac")
    given = [f"--workers={workers}", "--drain-timeout=5", *arguments, "-y", tac]
    env = {"CONTROL": str(control)}
    with RunningCluster(given, directory, env) as cluster, ExitStack() as stack:
        cluster.waitOnline(workers)
        yield cluster, lines(cluster.workerPids(), control, stack)


def lines(pids: list[int], control: int, stack: ExitStack) -> list[Commanded]:
    """
    A line to each of some workers, in their order.
    """
    found: dict[int, Commanded] = {}

    def connect() -> bool:
        client = socket.create_connection((LOCAL, control), PATIENCE)
        worker = Commanded(client)
        if worker.pid in found:
            client.close()
        else:
            stack.callback(worker.leave, client)
            found[worker.pid] = worker
        return set(found) >= set(pids)

    eventually(connect, "a line to every worker")
    return [found[pid] for pid in pids]
