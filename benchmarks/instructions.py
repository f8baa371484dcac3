"""
How many instructions does a request cost a server, counted and not timed?

    python benchmarks/instructions.py [--requests 400] [--only NAME...]

Each runs under valgrind's callgrind, which counts in user space and takes some 50 times
as long; what the kernel does is not in it. What a server does anyhow in as long a time is
counted afterwards, and taken off.
"""

from __future__ import annotations

import argparse
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from contestants import CONTESTANTS, contestant
from harness import main, say, table
from machine import freePort
from servers import QUESTION, Server, running

CALLGRIND = ["valgrind", "--tool=callgrind", "--trace-children=yes"]
CALLGRIND += ["--instr-atstart=no", "-q"]
NAMES = ("plain", "lean", "cluster-1-stock", "cluster-1", "cluster-kernel")
APPS = {"keep-alive": "web", "http-close": "web", "raw": "raw"}
CONNECTIONS = 8
LASTING = QUESTION.replace(b"Connection: close\r\n", b"")


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--only", nargs="+", default=NAMES, choices=list(CONTESTANTS))
    parser.add_argument("--workload", nargs="+", default=list(APPS), choices=list(APPS))
    parser.add_argument("--keep", type=Path, help="folder for what callgrind wrote")


def ask(port: int, count: int, lasts: bool) -> None:
    """
    Ask so many questions, of which L{CONNECTIONS} are on their way at a time.
    """
    clients: list[socket.socket] = []
    for _ in range(count // CONNECTIONS):
        if not (lasts and clients):
            clients = [
                socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)
            ]
        for client in clients:
            client.sendall(LASTING if lasts else QUESTION)
        for client in clients:
            while not client.recv(4096).endswith(b"hello, world\n"):
                pass
            if not lasts:
                client.close()
    for client in clients:
        client.close()


def control(option: str, pid: int) -> None:
    """
    Tell a process's callgrind something.
    """
    subprocess.run(
        ["callgrind_control", *option.split(), str(pid)],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )


def count(server: Server, requests: int, lasts: bool) -> None:
    """
    Have counted what a server does for some requests, and then in as long a time without.
    """
    ask(server.port, 10 * CONNECTIONS, lasts)
    begun = time.monotonic()
    with counted(server):
        ask(server.port, requests, lasts)
    passed = time.monotonic() - begun
    with counted(server):
        time.sleep(passed)


@contextmanager
def counted(server: Server) -> Iterator[None]:
    """
    Have counted what a server does meanwhile, each time in a file of its own.
    """
    pids = [*server.primaries, *server.workers]
    for pid in pids:
        control("-i on", pid)
    yield
    for pid in pids:
        control("-i off", pid)
        control("-d", pid)


@contextmanager
def folder(kept: Path | None) -> Iterator[Path]:
    """
    Where callgrind writes.
    """
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
    else:
        with tempfile.TemporaryDirectory() as made:
            yield Path(made)


def run(name: str, workload: str, requests: int, kept: Path | None) -> list[str]:
    """
    @return: A row: the workload, the contestant, instructions per request of its
        processes.
    """
    chosen = contestant(name, APPS[workload], freePort(), 1)
    with folder(kept) as written:
        pattern = f"--callgrind-out-file={written}/{workload}.{name}.%p"
        commands = [[*CALLGRIND, pattern, *command] for command in chosen.commands]
        with running([replace(chosen, commands=commands)]) as servers:
            count(servers[0], requests, workload == "keep-alive")
            primaries, workers = servers[0].primaries, servers[0].workers
        figures = [
            sum(_counted(written / f"{workload}.{name}.{pid}") for pid in pids) / requests
            for pids in (primaries, workers)
        ]
    return [workload, name, *(f"{figure:,.0f}" for figure in figures)]


def _counted(file: Path) -> int:
    """
    @return: How many more instructions there were the first time.
    """
    busy, idle = (
        int(re.findall(r"^totals: (\d+)", Path(f"{file}.{part}").read_text(), re.M)[0])
        for part in (1, 2)
    )
    return busy - idle


def countAll(asked: argparse.Namespace, rows: list[list[str]]) -> None:
    """
    Add the rows of the table.
    """
    for workload in asked.workload:
        for name in asked.only:
            say(f"{workload}: {name}")
            rows.append(run(name, workload, asked.requests, asked.keep))


def report(asked: argparse.Namespace, rows: list[list[str]]) -> None:
    """
    Print the table.
    """
    print(table(["workload", "contestant", "primary", "worker"], rows))


if __name__ == "__main__":
    main(__doc__, declare, [], countAll, report, {"requests": 40})
