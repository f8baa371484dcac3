"""
Workers are forked from a template: what becomes of them when that fails, and what they
are like.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import (
    ROOT,
    RunningCluster,
    allChildrenOf,
    ask,
    childrenOf,
    eventually,
    freePort,
    isAlive,
    isTemplate,
)

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
APP = """
import os, random, sys
from twisted.internet.protocol import Factory, Protocol

class Tell(Protocol):
    def connectionMade(self):
        wasForked = "twisted_cluster.worker.warm.template" in sys.modules
        told = [os.getpid(), os.getppid(), wasForked, random.random(), early()]
        self.transport.write(repr(told).encode())
        self.transport.loseConnection()

def early():
    return os.environ.get("EARLY", ""), os.path.basename(sys.executable)

def make():
    return Factory.forProtocol(Tell)
"""
THREAD = """
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""


@contextmanager
def telling(
    directory: Path, *more: str, workers: int = 2, **options: dict[str, str]
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster whose workers tell what they are like.
    """
    (directory / "told.py").write_text(APP)
    port = freePort()
    listen = f"--listen=tcp:{port}:interface=127.0.0.1"
    arguments = ["--app=told.make", listen, f"--workers={workers}", *more]
    with RunningCluster(arguments, directory, **options) as cluster:
        cluster.waitOnline(workers)
        yield cluster, port


def templateOf(cluster: RunningCluster) -> int:
    """
    The one that there is.
    """
    (found,) = filter(isTemplate, allChildrenOf(cluster.pid))
    return found


def told(port: int) -> list[object]:
    """
    What a worker tells.
    """
    found: list[object] = eval(ask(port))
    return found


def test_workersAreForked(tmp_path: Path) -> None:
    """
    They are the primary's children; no two have the same random numbers.
    """
    with telling(tmp_path) as (cluster, port):
        assert isTemplate(templateOf(cluster))
        answers = [told(port) for _ in range(4)]
        assert {pid for pid, *_ in answers} == set(cluster.workerPids())
        assert {parent for _, parent, *_ in answers} == {cluster.pid}
        assert all(wasForked for _, _, wasForked, *_ in answers)
        assert len({number for _, _, _, number, _ in answers}) == 4


def test_noTemplate(tmp_path: Path) -> None:
    """
    C{--warm=no}: each is started by itself.
    """
    with telling(tmp_path, "--warm=no") as (cluster, port):
        assert not any(map(isTemplate, allChildrenOf(cluster.pid)))
        assert told(port)[1:3] == [cluster.pid, False]


def test_workersLookAsIfStarted(tmp_path: Path) -> None:
    """
    What C{ps} shows of a worker is the same either way.
    """
    shown = []
    for warm in ("no", "twisted"):
        with telling(tmp_path, f"--warm={warm}") as (cluster, _):
            pid = cluster.workerPids()[0]
            command = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0")
            told = [each for each in command.split(b"\0") if b"--listen" not in each]
            shown.append((Path(f"/proc/{pid}/comm").read_text(), told))
    assert shown[0] == shown[1]


def test_killedTemplateIsMadeAgain(tmp_path: Path) -> None:
    """
    That it is gone is said; the next worker is there all the same, and the one after
    that is forked again.
    """
    with telling(tmp_path) as (cluster, port):
        first = templateOf(cluster)
        os.kill(first, signal.SIGKILL)
        cluster.waitFor("workers are started by themselves: no template, it has ended")
        eventually(lambda: not isAlive(first), "it is gone")
        for count in (3, 4):
            os.kill(childrenOf(cluster.pid)[0], signal.SIGKILL)
            cluster.waitOnline(count)
            eventually(
                lambda: any(map(isTemplate, allChildrenOf(cluster.pid))), "another one"
            )
        assert cluster.output().count("no template") == 1
        assert told(port)[1] == cluster.pid


def test_stoppedTemplateIsNotWaitedFor(tmp_path: Path) -> None:
    """
    One that does not answer is ended, and the worker started by itself.
    """
    with telling(tmp_path) as (cluster, port):
        first = templateOf(cluster)
        os.kill(first, signal.SIGSTOP)
        os.kill(childrenOf(cluster.pid)[-1], signal.SIGKILL)
        cluster.waitFor("no template, it has not answered within 0.5 s")
        cluster.waitOnline(3)
        assert not isAlive(first)
        assert told(port)[1] == cluster.pid


def test_reloadMakesANewTemplate(tmp_path: Path) -> None:
    """
    What was installed meanwhile is what new workers have.
    """
    with telling(tmp_path, "--reload-trial=0") as (cluster, port):
        first = templateOf(cluster)
        cluster.signal(signal.SIGHUP)
        cluster.waitFor("reloaded: all workers are of generation 2")
        eventually(lambda: not isAlive(first), "the former one is gone")
        assert templateOf(cluster) != first
        assert told(port)[2]


def test_threadsAreNotForked(tmp_path: Path) -> None:
    """
    Where something starts a thread in every Python there is no template, and it is said
    why.
    """
    (tmp_path / "sitecustomize.py").write_text(THREAD)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    with telling(tmp_path, env=env) as (cluster, port):
        cluster.waitFor("no template, there is a thread, which a fork would not have")
        assert told(port)[1:3] == [cluster.pid, False]
        assert cluster.output().count("no template") == 1


def test_templateEndsWithItsPrimary(tmp_path: Path) -> None:
    """
    However that ends.
    """
    with telling(tmp_path, "--drain-timeout=0") as (cluster, _):
        template = templateOf(cluster)
        cluster.signal(signal.SIGKILL)
        cluster.wait()
        eventually(lambda: not isAlive(template), "it ends")


def test_signalsToAllLeaveTheTemplate(tmp_path: Path) -> None:
    """
    It is deaf to all but SIGKILL: what the whole group is sent is not for it.
    """
    with telling(tmp_path, "--on-hup=ignore") as (cluster, _):
        template = templateOf(cluster)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            os.kill(template, number)
        os.kill(childrenOf(cluster.pid)[-1], signal.SIGKILL)
        cluster.waitOnline(3)
        assert templateOf(cluster) == template
        assert "no template" not in cluster.output()
