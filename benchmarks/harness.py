"""
Start a contestant, load it with wrk, and count the CPU that it took.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
TWISTD = (
    "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
)
TWISTD_COMMAND = [sys.executable, "-c", TWISTD, "-n", "--pidfile="]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parent}"}
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


class Measured(NamedTuple):
    """
    One run.

    @ivar rate: Requests per second.
    @ivar p50: Milliseconds.
    @ivar p99: Milliseconds.
    @ivar first: CPU of the first process, microseconds per request.
    @ivar others: CPU of its children, microseconds per request.
    @ivar errors: Connections that failed, and answers that were none.
    """

    rate: float
    p50: float
    p99: float
    first: float
    others: float
    errors: int


def childrenOf(pid: int) -> list[int]:
    """
    The children of every thread of a process.
    """
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, path.read_text().split())
    return found


def cpuOf(pid: int) -> float:
    """
    CPU time of a process with all its threads, in seconds.

    @see: proc(5), schedstat: nanoseconds on the CPU.
    """
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text().split()[0]) for path in tasks) / 1e9


def freePort() -> int:
    """
    A port that nobody has just now.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def waitReady(
    port: int, processes: Sequence[subprocess.Popen[bytes]], count: int
) -> None:
    """
    Wait until the port answers, and the first process has its children.
    """
    deadline = time.monotonic() + 60
    while True:
        if any(process.poll() is not None for process in processes):
            raise SystemExit(f"contestant ended: {processes[0].args}")
        try:
            with socket.create_connection(("127.0.0.1", port), 1.0) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                ready = client.recv(100) and len(childrenOf(processes[0].pid)) >= count
        except OSError:
            ready = False
        if ready:
            time.sleep(1.0)  # the other workers finish their start
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"contestant is not ready: {processes[0].args}")
        time.sleep(0.05)


@contextmanager
def started(
    commands: Sequence[Sequence[str]], port: int, children: int
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """
    Processes that serve a port, for as long as a C{with} block lasts.
    """
    processes = [
        subprocess.Popen(
            command,
            cwd=HERE,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for command in commands
    ]
    try:
        waitReady(port, processes, children)
        yield processes
    finally:
        everybody = [(p, childrenOf(p.pid)) for p in processes]
        for process, _ in everybody:
            process.send_signal(signal.SIGTERM)
        for process, pids in everybody:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                for pid in [*pids, process.pid]:
                    os.kill(pid, signal.SIGKILL)
                process.wait()


def wrk(port: int, seconds: int, connections: int, headers: Sequence[str]) -> str:
    """
    Load a port of this machine, for so long.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    url = f"http://127.0.0.1:{port}/"
    done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    return done.stdout


def _milliseconds(output: str, percentile: str) -> float:
    found = re.search(rf"{percentile}%\s+([\d.]+)(us|ms|s|m)", output)
    return float(found[1]) * UNITS[found[2]] if found else float("nan")


def measure(
    commands: Sequence[Sequence[str]],
    port: int,
    children: int,
    seconds: int,
    headers: Sequence[str] = (),
    connections: int = 32,
) -> Measured:
    """
    One contestant, one run. Where there is no first among equals (C{children} is 0
    and several processes serve) all count as workers.
    """
    with started(commands, port, children) as processes:
        firsts = [p.pid for p in processes]
        others = [pid for first in firsts for pid in childrenOf(first)]
        if not children:
            firsts, others = [], firsts
        wrk(port, 1, connections, headers)
        before = sum(map(cpuOf, firsts)), sum(map(cpuOf, others))
        output = wrk(port, seconds, connections, headers)
        after = sum(map(cpuOf, firsts)), sum(map(cpuOf, others))
    found = re.search(r"(\d+) requests in ([\d.]+)(s|ms|m)", output)
    assert found is not None, output
    count = int(found[1])
    broken = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    status = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    errors = sum(map(int, broken.groups())) if broken else 0
    return Measured(
        count / (float(found[2]) * UNITS[found[3]] / 1e3),
        _milliseconds(output, "50"),
        _milliseconds(output, "99"),
        (after[0] - before[0]) / count * 1e6,
        (after[1] - before[1]) / count * 1e6,
        errors + (int(status[1]) if status else 0),
    )
