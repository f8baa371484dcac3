"""
A stop under load: nobody who has connected goes without an answer, whoever is told to
end, and in what order.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, environment, eventually, freePort
from tests.process.crowd import FAILED, SERVED, Crowd, crowd, toPath, toPort
from tests.process.odd import everything
from tests.process.ports import isRefused

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

FIXTURES = Path(__file__).parent / "fixtures"
# Seconds that nobody waits longer for an answer.
WORST = 0.5


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
    path = tmp_path / "socket"
    listen = f"--listen=unix:{path}"
    with answering(tmp_path, f"--policy={policy}", listen) as cluster:
        with crowd(toPath(str(path))) as clients:
            stopUnderLoad(cluster, clients, wholeGroup)
        assert not clients.count[FAILED], (clients.why, cluster.output())
    assert not path.exists()


def test_whoIsSentASignalIsReplacedBeforeItLeaves(tmp_path: Path) -> None:
    """
    The only worker there is, with a client that lingers: the service does not pause.
    """
    port = freePort()
    with (
        answering(tmp_path, f"--listen=tcp:{port}", workers=1) as cluster,
        socket.create_connection(("127.0.0.1", port)) as lingering,
        crowd(toPort(port), 8) as clients,
    ):
        eventually(lambda: clients.count[SERVED] > 100, "clients are served")
        os.kill(cluster.workerPids()[0], signal.SIGTERM)
        cluster.waitFor("makes way: it was sent a signal")
        served = clients.count[SERVED]
        eventually(lambda: clients.count[SERVED] > served + 100, "the other one serves")
        lingering.sendall(b"?")
        cluster.waitFor("ended upon a signal")
        assert lingering.recv(100)
        assert clients.count == {SERVED: clients.count[SERVED]}, clients.why
        assert clients.worst < WORST, clients.worst
        assert cluster.online() == 2


def test_aStopInTheMiddleOfAStart(tmp_path: Path) -> None:
    """
    Who starts still is not waited for; who is served is served.
    """
    port = freePort()
    with answering(tmp_path, f"--listen=tcp:{port}", workers=1) as cluster:
        with crowd(toPort(port)) as clients:
            eventually(lambda: clients.count[SERVED] > 100, "clients are served")
            # Its successor has just begun to start.
            os.kill(cluster.workerPids()[0], signal.SIGTERM)
            cluster.waitFor("was sent a signal: it is replaced")
            stopUnderLoad(cluster, clients, primaryAlone)
        assert not clients.count[FAILED], (clients.why, cluster.output())
        assert "nothing was cut" in cluster.output()


@pytest.mark.parametrize("meanwhile", ["HUP", "TTIN", "TTOU"])
def test_aStopInTheMiddleOfAChange(tmp_path: Path, meanwhile: str) -> None:
    """
    Of a reload, or when there are to be more workers, or less.
    """
    port = freePort()
    with answering(tmp_path, f"--listen=tcp:{port}") as cluster:
        with crowd(toPort(port)) as clients:
            eventually(lambda: clients.count[SERVED] > 100, "clients are served")
            cluster.signal(signal.Signals[f"SIG{meanwhile}"])
            cluster.waitFor(f"SIG{meanwhile}: ")
            stopUnderLoad(cluster, clients, wholeGroup)
        assert not clients.count[FAILED], (clients.why, cluster.output())
        assert "nothing was cut" in cluster.output()


def test_whoComputesTakesWhatHasComeBefore(tmp_path: Path) -> None:
    """
    Clients have connected while the only worker let no reactor turn, for two seconds.
    """
    port = freePort()
    with answering(tmp_path, f"--listen=tcp:{port}", workers=1) as cluster:
        with ExitStack() as stack:
            os.kill(cluster.workerPids()[0], signal.SIGSTOP)
            there = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                for _ in range(100)
            ]
            for each in there:
                each.sendall(b"?")
            cluster.signal(signal.SIGTERM)
            eventually(lambda: isRefused(port), "nobody is let in any more")
            time.sleep(2.0)
            os.kill(cluster.workerPids()[0], signal.SIGCONT)
            answers = [everything(each) for each in there]
        assert all(answer.endswith(b".") for answer in answers), cluster.output()
        assert cluster.wait() == 0
