"""
Clusters of C{fixtures/hostile}, whose worker 1 does what a test tells it to.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from tests.process.cluster import RunningCluster, environment, freePort
from tests.process.trouble import Line

HOSTILE = Path(__file__).parent / "fixtures" / "hostile"


@contextmanager
def hostile(
    directory: Path,
    *more: str,
    workers: int = 2,
    descriptors: int | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster whose primary hands over, unless it is told otherwise, and its port.

    @param descriptors: How many it may open, as C{ulimit -n} says, if not any number.
    """
    port = freePort()
    told = environmentOf(env)
    given = [f"--workers={workers}", "--app=hostile.obey", f"--listen=tcp:{port}"]
    under: list[str] = []
    if descriptors is not None:
        under = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh"]
    # Who is told to do harm is connected, and may be in the middle of it.
    arguments = [*given, "--drain-timeout=1", *more]
    if not any(one.startswith("--dispatch") for one in more):
        arguments.append("--dispatch=handoff")
    with RunningCluster(arguments, directory, told, under=under) as cluster:
        cluster.waitOnline(workers)
        yield cluster, port


def environmentOf(more: Mapping[str, str] | None) -> dict[str, str]:
    """
    An environment in which C{fixtures/hostile} is found.
    """
    told = {"PYTHONDONTWRITEBYTECODE": "1", **environment(more)}
    told["PYTHONPATH"] = os.pathsep.join([str(HOSTILE), told["PYTHONPATH"]])
    return told


def lineTo(port: int, slot: int) -> Line:
    """
    A connection to a worker.
    """
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        line = Line(port)
        if line.say(b"slot") == b"%d" % slot:
            return line
        line.__exit__()
    raise AssertionError(f"worker {slot} serves nobody")


def doHarm(port: int, code: str, slot: int = 1) -> Line:
    """
    Tell a worker what to do; it says when that is done, unless it is killed meanwhile.
    """
    line = lineTo(port, slot)
    line.tell(dedent(code).encode().hex().encode())
    return line


def worstOf(port: int, seconds: float) -> float:
    """
    How long an innocent client waits, at worst, who comes again and again; three seconds
    if it is not served.
    """
    worst, deadline = 0.0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        begun = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", port), 3.0) as client:
                client.sendall(b"who\n")
                if not client.recv(100):
                    return 3.0
        except OSError:
            return 3.0
        worst = max(worst, time.monotonic() - begun)
        time.sleep(0.01)
    return worst


def descriptorsOf(cluster: RunningCluster) -> int:
    """
    How many the primary has.
    """
    return len(os.listdir(f"/proc/{cluster.pid}/fd"))
