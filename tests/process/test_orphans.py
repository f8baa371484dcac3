"""
The primary is killed: its ports are free at once, whatever its workers do.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import (
    TWISTD,
    RunningCluster,
    environment,
    eventually,
    freePort,
    isAlive,
)
from tests.process.ports import FIXTURES

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]

TAC = str(FIXTURES / "sleeping.tac")
# What is said is a tenth of a second; what else this machine has to do comes on top.
SOON = 1.0
Where = tuple[str, int] | str


@contextmanager
def sleeping(directory: Path, policy: str) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster of one worker, and its port.
    """
    port = freePort()
    arguments = ["--workers=1", f"--policy={policy}", "--dispatch=handoff", "-y", TAC]
    with RunningCluster(arguments, directory, {"PORT": str(port)}) as cluster:
        cluster.waitOnline(1)
        yield cluster, port


def tell(where: Where, word: bytes) -> socket.socket:
    """
    A client that has told a worker what to do, and been told that it is about to.
    """
    client = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
    client.settimeout(8.0)
    client.connect(where)
    client.sendall(word)
    return client


def isFree(port: int, kind: socket.SocketKind) -> bool:
    """
    Whether somebody else can have a port.
    """
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == 1)
        try:
            probe.bind(("127.0.0.1", port))
            if kind == socket.SOCK_STREAM:
                probe.listen()
        except OSError:
            return False
    return True


def isDeserted(path: Path) -> bool:
    """
    Whether nobody listens on a socket file.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) != 0


def orphan(cluster: RunningCluster, port: int, how: str) -> int:
    """
    Have the worker do something for a while, and kill the primary.

    @return: The worker.
    """
    (worker,) = cluster.workerPids()
    with tell(("127.0.0.1", port), b"idle" if how == "stop" else how.encode()) as client:
        assert int(client.recv(100)) == worker
    if how == "stop":
        os.kill(worker, signal.SIGSTOP)
    cluster.signal(signal.SIGKILL)
    cluster.process.wait()
    return worker


def bury(worker: int) -> None:
    """
    End an orphan, however it is.
    """
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: not isAlive(worker), "it is gone")


@pytest.mark.parametrize("how", ["sleep", "spin", "stop"])
def test_portsOfHandedConnectionsAreFreeAtOnce(tmp_path: Path, how: str) -> None:
    """
    A worker that sleeps, computes or is stopped has no part in them.
    """
    with sleeping(tmp_path, "round-robin") as (cluster, port):
        worker = orphan(cluster, port, how)
        try:
            eventually(lambda: isFree(port, socket.SOCK_STREAM), "it is free", SOON)
            eventually(lambda: isDeserted(tmp_path / "socket"), "nobody listens", SOON)
            assert isAlive(worker)
        finally:
            bury(worker)


@pytest.mark.parametrize("how", ["sleep", "spin"])
@pytest.mark.parametrize("policy", ["none", "round-robin"])
def test_orphansLetGoOfWhatTheyHold(tmp_path: Path, policy: str, how: str) -> None:
    """
    Where the kernel chooses they must hold the port, and a UDP port always; until their
    primary is gone.
    """
    kinds = [socket.SOCK_DGRAM, *([socket.SOCK_STREAM] if policy == "none" else [])]
    with sleeping(tmp_path, policy) as (cluster, port):
        worker = orphan(cluster, port, how)
        try:
            for kind in kinds:
                eventually(lambda kind=kind: isFree(port, kind), f"{kind} is free", SOON)
            assert isAlive(worker)
        finally:
            bury(worker)


def test_workersHaveNoListeningSocketOfWhatIsHandedToThem(tmp_path: Path) -> None:
    """
    As the kernel sees it.
    """
    with sleeping(tmp_path, "round-robin") as (cluster, port):
        (worker,) = cluster.workerPids()
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        listening = {
            line.split()[9] for line in lines if line.split()[1].endswith(f":{port:04X}")
        }
        theirs = {
            os.readlink(f"/proc/{worker}/fd/{fd}")
            for fd in os.listdir(f"/proc/{worker}/fd")
        }
        assert listening
        assert not {f"socket:[{inode}]" for inode in listening} & theirs


@pytest.mark.parametrize("policy", ["round-robin", "none"])
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_portsSayOfThemselvesWhatStockOnesSay(
    tmp_path: Path, policy: str, kind: str
) -> None:
    """
    C{getHost}, C{getsockname}, C{getsockopt} and the rest, whoever has the real socket.
    """
    port = freePort()
    where: Where = str(tmp_path / "socket") if kind == "unix" else ("127.0.0.1", port)
    stock = subprocess.Popen(
        [sys.executable, "-c", TWISTD, "-n", "--pidfile=", "--logfile=log", "-y", TAC],
        cwd=tmp_path,
        env=environment({"PORT": str(port)}),
    )
    try:
        eventually(lambda: _factsOf(where), "it serves")
        expected = _factsOf(where)
    finally:
        stock.terminate()
        stock.wait(10)
    arguments = ["--workers=1", f"--policy={policy}", "--dispatch=handoff", "-y", TAC]
    with RunningCluster(arguments, tmp_path, {"PORT": str(port)}) as cluster:
        cluster.waitOnline(1)
        assert _factsOf(where) == expected


def _factsOf(where: Where) -> object:
    try:
        with tell(where, b"facts") as client:
            return json.loads(b"".join(iter(lambda: client.recv(65536), b"")))
    except OSError:
        return None


def test_orphansServeOnWhatTheyServe(tmp_path: Path) -> None:
    """
    A connection that was there is not cut, though the port is gone.
    """
    with sleeping(tmp_path, "none") as (cluster, port):
        (worker,) = cluster.workerPids()
        with tell(("127.0.0.1", port), b"idle") as client:
            assert int(client.recv(100)) == worker
            cluster.signal(signal.SIGKILL)
            cluster.process.wait()
            eventually(lambda: isFree(port, socket.SOCK_STREAM), "it is free", SOON)
            time.sleep(0.2)
            client.sendall(b"idle")
            assert int(client.recv(100)) == worker
        eventually(lambda: not isAlive(worker), "it ends")
