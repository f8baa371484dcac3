"""
Where a worker is, whatever it does.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, environment, eventually, freePort
from tests.process.ports import FIXTURES

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]

# Whoever puts down a file gets the stacks of the first worker in another.
HOST = """
import os
from twisted.application import service
from twisted.internet import reactor, task
from twisted_cluster import ClusterConfig, ClusterService

config = ClusterConfig.forApp(
    "hanging.obey", listen=f"tcp:{os.environ['PORT']}:interface=127.0.0.1", workers=1
)
cluster = ClusterService(reactor, config)

def tell(said):
    with open("told.new", "w") as file:
        file.write(str(getattr(said, "value", said)))
    os.rename("told.new", "told")

def look():
    if os.path.exists("ask"):
        with open("ask") as file:
            id = int(file.read())
        os.unlink("ask")
        cluster.stacks(id).addBoth(tell)

task.LoopingCall(look).start(0.02)
application = service.Application("host")
cluster.setServiceParent(application)
"""


class RunningFile(RunningCluster):
    """
    C{twistd -n -y FILE}, which has a cluster in it.
    """

    PLUGIN = ("-y",)


@contextmanager
def hosted(directory: Path) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster of one worker whose stacks can be asked for, and its port.
    """
    (directory / "host.tac").write_text(HOST)
    path = os.pathsep.join([str(FIXTURES), environment({})["PYTHONPATH"]])
    port = freePort()
    env = {"PORT": str(port), "PYTHONPATH": path}
    with RunningFile(["host.tac"], directory, env) as cluster:
        cluster.waitOnline(1)
        yield cluster, port


def stacks(directory: Path, id: int = 1) -> str:
    """
    Ask the primary.
    """
    (directory / "ask.new").write_text(str(id))
    (directory / "ask.new").rename(directory / "ask")
    eventually((directory / "told").exists, "it is told", 3.0)
    told = (directory / "told").read_text()
    (directory / "told").unlink()
    return told


def tell(port: int, order: str) -> socket.socket:
    """
    A client that has told a worker what to do.
    """
    client = socket.create_connection(("127.0.0.1", port), 5.0)
    assert int(client.recv(100))
    client.sendall(order.encode())
    return client


@pytest.mark.parametrize("how", ["sleep", "spin", "backtrack", "keep"])
def test_itIsSeenWhereAWorkerIs(tmp_path: Path, how: str) -> None:
    """
    Though it waits, computes, or keeps the interpreter's lock; and of an idle one.
    """
    with hosted(tmp_path) as (cluster, port):
        assert "in mainLoop" in stacks(tmp_path)
        with tell(port, f"{how} 60"):
            where = 'hanging.py", line'
            eventually(lambda: where in stacks(tmp_path), "it is there", 5.0)
            told = stacks(tmp_path)
            assert f"in {how}\n" in told
            assert told.count("(most recent call first)") >= 1
            os.kill(cluster.workerPids()[0], signal.SIGKILL)


def test_whoCannotBeSeenIsSaidToBe(tmp_path: Path) -> None:
    """
    A worker that is stopped, one that is unknown.
    """
    with hosted(tmp_path) as (cluster, _):
        assert "in mainLoop" in stacks(tmp_path)
        (pid,) = cluster.workerPids()
        os.kill(pid, signal.SIGSTOP)
        eventually(lambda: "stopped by a signal" in stacks(tmp_path), "it is stopped")
        os.kill(pid, signal.SIGCONT)
        eventually(lambda: "in mainLoop" in stacks(tmp_path), "it goes on")
        assert "no worker with the id 77" in stacks(tmp_path, 77)


def test_lookingHarmsNobody(tmp_path: Path) -> None:
    """
    A hundred times, at many threads that compute.
    """
    with hosted(tmp_path) as (cluster, port):
        with tell(port, "crowd 20"):
            for _ in range(50):
                assert "(most recent call first)" in stacks(tmp_path)
        (pid,) = cluster.workerPids()
        with tell(port, "sleep 0") as client:
            assert client.recv(100) == b"done\n"
        assert cluster.workerPids() == [pid]
