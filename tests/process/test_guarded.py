"""
The primary is killed: no worker outlives the time in which it may end, whatever it does.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import (
    RunningCluster,
    allChildrenOf,
    environment,
    eventually,
    freePort,
    isAlive,
    isGuardian,
    membersOf,
)
from tests.process.ports import FIXTURES

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(60),
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="nobody is guarded here"),
]
LIMITS = ["--drain-timeout=1", "--stop-timeout=1", "--hang-timeout=0"]


@contextmanager
def guarded(
    directory: Path, *more: str, workers: int = 1, twistd: tuple[str, ...] = ()
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster whose workers hang as they are told, and its port.
    """
    port = freePort()
    path = os.pathsep.join([str(FIXTURES), environment({})["PYTHONPATH"]])
    listen = f"--listen=tcp:{port}:interface=127.0.0.1"
    arguments = [f"--workers={workers}", "--app=hanging.obey", listen, *LIMITS, *more]
    env = {"PYTHONPATH": path}
    twistd = ("-n", "--pidfile=", *twistd)
    with RunningCluster(arguments, directory, env, twistd) as cluster:
        yield cluster, port


def tell(port: int, order: str) -> socket.socket:
    """
    A client that has told a worker what to do.
    """
    client = socket.create_connection(("127.0.0.1", port), 5.0)
    assert int(client.recv(100))
    client.sendall(order.encode())
    return client


def guardianOf(cluster: RunningCluster) -> int:
    """
    Wait until it is there.
    """
    found: list[int] = []
    eventually(lambda: found or found.extend(_guardians(cluster)), "it is guarded", 8.0)
    return found[0]


def _guardians(cluster: RunningCluster) -> list[int]:
    return [pid for pid in allChildrenOf(cluster.pid) if isGuardian(pid)]


@pytest.mark.parametrize("policy", ["round-robin", "none"])
@pytest.mark.parametrize("how", ["sleep", "spin", "backtrack", "keep", "defy"])
def test_orphansHaveTheirTimeAndNoMore(tmp_path: Path, how: str, policy: str) -> None:
    """
    Whether they wait, compute, keep the interpreter's lock, or ignore signals: after the
    drain and stop time-outs there is nobody left. That is told.
    """
    with guarded(tmp_path, f"--policy={policy}") as (cluster, port):
        cluster.waitOnline(1)
        guardianOf(cluster)
        (pid,) = cluster.workerPids()
        with tell(port, f"{how} 60"):
            cluster.waitFor("no life")
            begun = time.monotonic()
            cluster.signal(signal.SIGKILL)
            cluster.process.wait()
            eventually(lambda: not isAlive(pid), "it is ended", 4.0)
            assert time.monotonic() - begun > 1.5
        eventually(lambda: not membersOf(cluster.pid), "nobody is left", 2.0)
        assert (
            f"the primary ({cluster.pid}) is gone: worker 1 ({pid})" in cluster.output()
        )
        assert f"worker 1 ({pid}) is killed: it has not ended within 2 s" in (
            cluster.output()
        )


def test_portsAreFreeAtOnceForARestart(tmp_path: Path) -> None:
    """
    Though the worker of the one that was killed keeps the interpreter's lock; where it
    accepts itself they are when the guardian has ended it.
    """
    with guarded(tmp_path, "--dispatch=handoff") as (cluster, port):
        cluster.waitOnline(1)
        with tell(port, "keep 60"):
            cluster.waitFor("no life")
            cluster.signal(signal.SIGKILL)
            cluster.process.wait()
            path = os.pathsep.join([str(FIXTURES), environment({})["PYTHONPATH"]])
            listen = f"--listen=tcp:{port}:interface=127.0.0.1"
            arguments = ["--workers=1", "--app=hanging.obey", listen]
            with RunningCluster(arguments, tmp_path, {"PYTHONPATH": path}) as next:
                next.waitOnline(1)
                with tell(port, "sleep 0") as client:
                    assert client.recv(100) == b"done\n"


def test_orphansThatEndInTimeAreLetBe(tmp_path: Path) -> None:
    """
    They finish what they serve.
    """
    with guarded(tmp_path, "--drain-timeout=20") as (cluster, port):
        cluster.waitOnline(1)
        guardianOf(cluster)
        with tell(port, "sleep 1.5") as client:
            cluster.signal(signal.SIGKILL)
            cluster.process.wait()
            assert client.recv(100) == b"done\n"
        eventually(lambda: not membersOf(cluster.pid), "nobody is left", 5.0)
        assert "for 21 s at most" in cluster.output()
        assert re.search(r"worker 1 \(\d+\) has ended", cluster.output())
        assert "is killed" not in cluster.output()


@pytest.mark.parametrize("format", ["text", "json"])
def test_whatBecomesOfOrphansIsInTheLog(tmp_path: Path, format: str) -> None:
    """
    Where that is a file, and as its lines are.
    """
    more = [f"--log-format={format}"]
    file = tmp_path / "the.log"
    with guarded(tmp_path, *more, workers=2, twistd=(f"--logfile={file}",)) as (
        cluster,
        port,
    ):
        eventually(lambda: file.exists() and "2 workers" in file.read_text(), "it is up")
        guardianOf(cluster)
        with tell(port, "sleep 60"):
            cluster.signal(signal.SIGKILL)
            cluster.process.wait()
            eventually(lambda: not membersOf(cluster.pid), "nobody is left", 8.0)
        lines = file.read_text().splitlines()
        if format == "json":
            said = [json.loads(line) for line in lines]
            assert {"time", "level", "namespace", "text"} <= said[-1].keys()
        assert any("is gone: worker 1 (" in line for line in lines)
        assert any("is killed: it has not ended" in line for line in lines)


def test_guardianIsReplaced(tmp_path: Path) -> None:
    """
    Somebody has killed it: the next one knows all workers.
    """
    with guarded(tmp_path, workers=2) as (cluster, port):
        cluster.waitOnline(2)
        first = guardianOf(cluster)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(first, number)
        os.kill(first, signal.SIGKILL)
        eventually(lambda: not isAlive(first), "it is gone")
        second = guardianOf(cluster)
        assert second != first
        with tell(port, "defy 60"), tell(port, "keep 60"):
            cluster.waitFor("no life", 2)
            cluster.signal(signal.SIGKILL)
            cluster.process.wait()
            eventually(lambda: not membersOf(cluster.pid), "nobody is left", 6.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_guardianSaysNothingOfAStop(tmp_path: Path, number: signal.Signals) -> None:
    """
    Also of one that all processes are told of; it is gone with the primary.
    """
    with guarded(tmp_path, workers=2) as (cluster, _):
        cluster.waitOnline(2)
        guardian = guardianOf(cluster)
        os.killpg(cluster.pid, number)
        cluster.wait()
        eventually(lambda: not isAlive(guardian), "it is gone", 2.0)
        assert "is gone" not in cluster.output()
        assert "Traceback" not in cluster.output()
