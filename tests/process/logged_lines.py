"""
Servers that write lines to log files: clusters, and the stock one beside them.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.process.cluster import RunningCluster, freePort

TAC = str(Path(__file__).parent / "fixtures" / "logs.tac")
LINES = 750
CLIENTS = 12


class StockTwistd(RunningCluster):
    """
    The same command line without a cluster.
    """

    PLUGIN = ()


class Writer:
    """
    A server of C{fixtures/logs.tac}.
    """

    def __init__(self, port: int, log: Path, pids: Sequence[int]) -> None:
        """
        @param log: Where it writes.
        @param pids: The processes that do.
        """
        self.log, self.pids = log, pids
        self._port = port

    def write(self, lines: Iterable[str]) -> None:
        """
        Have lines written by all processes, many at a time.
        """
        whole = list(lines)
        shares = [whole[first::CLIENTS] for first in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(self._write, shares))

    def _write(self, lines: Sequence[str]) -> None:
        with socket.create_connection(("127.0.0.1", self._port), 10.0) as client:
            with client.makefile("rb") as answers:
                for line in lines:
                    client.sendall(line.encode() + b"\n")
                    assert answers.readline() == b"written\n"

    def files(self) -> list[str]:
        """
        The names of all files that begin as the log's does.
        """
        return sorted(file.name for file in self.log.parent.glob(self.log.name + "*"))

    def written(self) -> list[str]:
        """
        The lines of all files, sorted.
        """
        files = [self.log.with_name(name) for name in self.files()]
        return sorted(line for file in files for line in linesOf(file))


def linesOf(file: Path) -> list[str]:
    """
    The lines of a file.
    """
    return file.read_text().splitlines()


def numbered(count: int = LINES, name: str = "line") -> list[str]:
    """
    Lines that are told apart; sorted.
    """
    return [f"{name} {number:06} of a log {60 * '.'}" for number in range(count)]


@contextmanager
def writing(
    directory: Path,
    kind: str,
    workers: int = 4,
    log: str = "some.log",
    options: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Iterator[Writer]:
    """
    A server, while a C{with} block lasts.

    @param kind: Of log file, as the server has them.
    @param workers: 0: stock C{twistd}.
    @param options: Of C{twistd}'s.
    """
    port = freePort()
    made = {"KIND": kind, "LOG": log, "PORT": str(port), **(env or {})}
    twistd = ("-n", "--pidfile=", *options)
    if workers:
        count = f"--workers={workers}"
        with RunningCluster([count, "-y", TAC], directory, made, twistd) as cluster:
            cluster.waitOnline(workers)
            yield Writer(port, directory / log, cluster.workerPids())
    else:
        with StockTwistd(["-y", TAC], directory, made, twistd) as stock:
            stock.waitFor("starting on")
            yield Writer(port, directory / log, [stock.pid])
