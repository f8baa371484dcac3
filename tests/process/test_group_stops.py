"""
A stop under load: nobody who has connected goes without an answer, whoever is told to
end, and in what order.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, environment, eventually, freePort
from tests.process.crowd import FAILED, SERVED, Crowd, crowd, toPath, toPort

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

FIXTURES = Path(__file__).parent / "fixtures"
ROUNDS = 3


def primaryAlone(cluster: RunningCluster) -> None:
    cluster.signal(signal.SIGTERM)


def primaryFirst(cluster: RunningCluster) -> None:
    for pid in [cluster.pid, *cluster.workerPids()]:
        os.kill(pid, signal.SIGTERM)


def workersFirst(cluster: RunningCluster) -> None:
    for pid in [*cluster.workerPids(), cluster.pid]:
        os.kill(pid, signal.SIGTERM)


def workersWellBefore(cluster: RunningCluster) -> None:
    for pid in cluster.workerPids():
        os.kill(pid, signal.SIGTERM)
    time.sleep(0.2)
    cluster.signal(signal.SIGTERM)


def interleaved(cluster: RunningCluster) -> None:
    one, *others = cluster.workerPids()
    for pid in [one, cluster.pid, *others]:
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.02)


def wholeGroup(cluster: RunningCluster) -> None:
    os.killpg(cluster.pid, signal.SIGTERM)


ORDERS = [
    primaryAlone,
    primaryFirst,
    workersFirst,
    workersWellBefore,
    interleaved,
    wholeGroup,
]


@contextmanager
def answering(
    directory: Path, *more: str, workers: int = 2, moment: float = 0.005
) -> Iterator[RunningCluster]:
    """
    A cluster that serves C{fixtures/answering}.
    """
    arguments = [f"--workers={workers}", "--app=answering.factory", *more]
    path = os.pathsep.join([str(FIXTURES), environment()["PYTHONPATH"]])
    env = {"PYTHONPATH": path, "MOMENT": str(moment)}
    with RunningCluster(arguments, directory, env) as cluster:
        cluster.waitOnline(workers)
        yield cluster


def stopUnderLoad(
    cluster: RunningCluster, clients: Crowd, stop: Callable[[RunningCluster], None]
) -> None:
    """
    While clients are served, until it has ended.
    """
    eventually(lambda: clients.count[SERVED] > 100, "clients are served")
    stop(cluster)
    assert cluster.wait() == 0, cluster.output()


@pytest.mark.parametrize("stop", ORDERS)
@pytest.mark.parametrize("policy", ["round-robin", "none"])
def test_nobodyIsCutOffWhoeverIsTold(
    tmp_path: Path, policy: str, stop: Callable[[RunningCluster], None]
) -> None:
    """
    By SIGTERM to the primary, to the workers, or both.
    """
    for _ in range(ROUNDS):
        port = freePort()
        listen = f"--listen=tcp:{port}"
        with answering(tmp_path, f"--policy={policy}", listen) as cluster:
            with crowd(toPort(port)) as clients:
                stopUnderLoad(cluster, clients, stop)
            assert not clients.count[FAILED], (clients.why, cluster.output())
            assert "nothing was cut" in cluster.output(), cluster.output()


@pytest.mark.parametrize("policy", ["round-robin", "none"])
def test_nobodyIsCutOffBehindASocketFile(tmp_path: Path, policy: str) -> None:
    """
    Of a UNIX socket.
    """
    for _ in range(ROUNDS):
        path = tmp_path / "socket"
        listen = f"--listen=unix:{path}"
        with answering(tmp_path, f"--policy={policy}", listen) as cluster:
            with crowd(toPath(str(path))) as clients:
                stopUnderLoad(cluster, clients, wholeGroup)
            assert not clients.count[FAILED], (clients.why, cluster.output())
        assert not path.exists()
