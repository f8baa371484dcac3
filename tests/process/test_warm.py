"""
Workers are forked from a template: what becomes of them when that fails, and what they
are like.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.cluster import (
    ROOT,
    RunningCluster,
    childrenOf,
    environment,
    eventually,
    freePort,
    isAlive,
)
from tests.process.telling import APP, THREAD, telling, templateOf, templatesOf, told

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
SCRIPT = """
import sys
from twisted.internet import reactor
from twisted_cluster import cluster

def again(worker, code, signal):
    cluster.fork() if worker.id < 3 else reactor.stop()

if cluster.isPrimary:
    cluster.on("exit", again)
    cluster.fork()
    reactor.run()
else:
    print("twisted_cluster.worker.warm.template" in sys.modules, flush=True)
"""


def test_workersAreForked(tmp_path: Path) -> None:
    """
    They are the primary's children; no two have the same random numbers.
    """
    with telling(tmp_path) as (cluster, port):
        assert templateOf(cluster)
        answers = [told(port) for _ in range(4)]
        assert {one.pid for one in answers} == set(cluster.workerPids())
        assert {one.parent for one in answers} == {cluster.pid}
        assert all(one.wasForked for one in answers)
        assert len({one.number for one in answers}) == 4


def test_noTemplate(tmp_path: Path) -> None:
    """
    C{--warm=no}: each is started by itself.
    """
    with telling(tmp_path, "--warm=no") as (cluster, port):
        assert not templatesOf(cluster)
        one = told(port)
        assert one.parent == cluster.pid
        assert not one.wasForked
        assert one.importedBy == one.pid


def test_workersLookAsIfStarted(tmp_path: Path) -> None:
    """
    What C{ps} shows of a worker is the same either way.
    """
    shown = []
    for warm in ("no", "twisted"):
        with telling(tmp_path, f"--warm={warm}") as (cluster, _):
            pid = cluster.workerPids()[0]
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
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
            eventually(lambda: templatesOf(cluster), "another one")
        assert cluster.output().count("no template") == 1
        assert told(port).parent == cluster.pid


def test_stoppedTemplateIsNotWaitedFor(tmp_path: Path) -> None:
    """
    One that does not answer: the worker is started by itself. If it does not again it is
    ended.
    """
    with telling(tmp_path) as (cluster, port):
        first = templateOf(cluster)
        os.kill(first, signal.SIGSTOP)
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitFor("not forked: it has not answered within 0.5 s")
        cluster.waitOnline(3)
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitFor("no template, it has not answered within 0.5 s")
        cluster.waitOnline(4)
        assert not isAlive(first)
        assert told(port).parent == cluster.pid


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
        assert told(port).wasForked


def test_threadsAreNotForked(tmp_path: Path) -> None:
    """
    Where something starts a thread in every Python there is no template, and it is said
    why.
    """
    (tmp_path / "sitecustomize.py").write_text(THREAD)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    with telling(tmp_path, env=env) as (cluster, port):
        cluster.waitFor("no template, there is a thread, which a fork would not have")
        assert not told(port).wasForked
        assert cluster.output().count("no template") == 1


def test_openFilesAreNotForked(tmp_path: Path) -> None:
    """
    What is open in every Python would be closed in forks, and something else of theirs
    have its number.
    """
    text = """import os; held = open(os.fsencode(__file__) + b"\\xff", "w")\n"""
    (tmp_path / "sitecustomize.py").write_text(text)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    with telling(tmp_path, env=env) as (cluster, port):
        file = tmp_path / "sitecustomize.py"
        cluster.waitFor(rf"no template, {file}\udcff is open, which no fork would have")
        assert not told(port).wasForked


def test_templateEndsWithItsPrimary(tmp_path: Path) -> None:
    """
    However that ends.
    """
    with telling(tmp_path, "--drain-timeout=0") as (cluster, _):
        template = templateOf(cluster)
        cluster.signal(signal.SIGKILL)
        cluster.wait()
        eventually(lambda: not isAlive(template), "it ends")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_importThatHangsEndsWithThePrimary(tmp_path: Path, number: int) -> None:
    """
    A template that is not there yet hears nothing; however the primary ends.
    """
    (tmp_path / "told.py").write_text("import time\ntime.sleep(60)\n" + APP)
    listen = f"--listen=tcp:{freePort()}:interface=127.0.0.1"
    arguments = ["--app=told.make", listen, "--warm=app"]
    with RunningCluster(arguments, tmp_path) as cluster:
        eventually(lambda: templatesOf(cluster), "it is imported")
        template = templateOf(cluster)
        cluster.signal(number)
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


def test_onlyWorkerOfAScriptIsForkedAgain(tmp_path: Path) -> None:
    """
    Who forks another one when it is told that the last one has ended has the same
    template.
    """
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, timeout=40
    )
    assert done.stdout.splitlines() == [b"True"] * 3, done
