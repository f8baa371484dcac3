"""
Ports of a primary that was killed: whoever starts the service again needs them.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, eventually, freePort, isAlive

pytestmark = pytest.mark.process

STUCK = '''
"""
Is stuck, once somebody wants it.
"""

import os, time
from twisted.application.service import Service
from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol

HOW = os.environ["HOW"]


def sleep():
    time.sleep(60.0)


def compute():
    end = time.monotonic() + 60.0
    while time.monotonic() < end:
        pass


def getStuck():
    print("is stuck", flush=True)
    {"sleep": sleep, "compute": compute}[HOW]()


class Stuck(Protocol):
    def dataReceived(self, data):
        reactor.callLater(0.1, getStuck)


class StuckDatagrams(DatagramProtocol):
    def datagramReceived(self, data, address):
        reactor.callLater(0.1, getStuck)


stuck = Factory.forProtocol(Stuck)


class Datagrams(Service):
    def startService(self):
        reactor.listenUDP(int(os.environ["PORT"]), StuckDatagrams(), "127.0.0.1")


def datagrams():
    return Datagrams()
'''


def canBind(kind: socket.SocketKind, port: int) -> bool:
    """
    Whether nobody has the port, but connections that are still there.
    """
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            if kind == socket.SOCK_STREAM:
                probe.listen(1)
        except OSError:
            return False
        return True


def killPrimary(cluster: RunningCluster, worker: int, isFree: Callable[[], bool]) -> None:
    """
    Kill a primary whose worker is stuck, and see its port be free at once.
    """
    cluster.waitFor("is stuck")
    assert not isFree()
    os.kill(cluster.pid, signal.SIGKILL)
    cluster.wait()
    gone = time.monotonic()
    eventually(isFree, "the port is free", 5.0)
    took = time.monotonic() - gone
    # A tenth of a second, and what a busy machine adds to it.
    assert took < 0.5, took
    assert isAlive(worker), "it was to be stuck"
    os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("how", ["sleep", "compute"])
@pytest.mark.parametrize("policy", ["round-robin", "none"])
def test_streamsAreFree(tmp_path: Path, policy: str, how: str) -> None:
    """
    Whether the primary accepts, or the worker itself does.
    """
    (tmp_path / "stuck.py").write_text(STUCK)
    port = freePort()
    arguments = ["--workers=1", "--app=stuck.stuck", f"--listen=tcp:{port}"]
    arguments += ["--policy", policy]
    with RunningCluster(arguments, tmp_path, {"HOW": how}) as cluster:
        cluster.waitOnline(1)
        (worker,) = cluster.workerPids()
        with closing(socket.create_connection(("127.0.0.1", port), 5.0)) as client:
            client.sendall(b"now")
            killPrimary(cluster, worker, lambda: canBind(socket.SOCK_STREAM, port))


@pytest.mark.parametrize("policy", ["round-robin", "none"])
def test_datagramsAreFree(tmp_path: Path, policy: str) -> None:
    """
    Whether the worker has a socket of its own, or all share one.
    """
    (tmp_path / "stuck.py").write_text(STUCK)
    port = freePort()
    arguments = ["--workers=1", "--app=stuck.datagrams", "--policy", policy]
    env = {"HOW": "sleep", "PORT": str(port)}
    with RunningCluster(arguments, tmp_path, env) as cluster:
        cluster.waitOnline(1)
        (worker,) = cluster.workerPids()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"now", ("127.0.0.1", port))
            killPrimary(cluster, worker, lambda: canBind(socket.SOCK_DGRAM, port))
