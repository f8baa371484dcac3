"""
What forked workers are like, where it is easily forgotten; and whom their template
listens to.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.cluster import (
    ROOT,
    RunningCluster,
    ask,
    childrenOf,
    environment,
    eventually,
    freePort,
    isAlive,
)
from tests.process.telling import telling, templateOf

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
# Somebody has switched it off in every Python.
NO_COLLECTION = "import gc\ngc.disable()\n"
# Somebody stops what a template has forked before it can answer.
STOPPED = """
import os, signal, time

time.tzset = lambda: os.kill(os.getpid(), signal.SIGSTOP)
"""
INSIDE = """
import gc, json, os, sys, threading
from twisted.application.service import Application

application = Application("inside")
with open(os.environ["INSIDE"], "w") as file:
    isMain = threading.main_thread().native_id == os.getpid()
    wasForked = "twisted_cluster.worker.warm.template" in sys.modules
    json.dump([isMain, gc.isenabled(), wasForked], file)
"""
# One process is forked before its parent makes itself nicer, one afterwards.
NICER = """
import os, sys
from twisted.internet import reactor
from twisted_cluster import cluster

def nicer(*_):
    os.nice(3)
    cluster.fork().once("exit", lambda *_: reactor.stop())

if cluster.isPrimary:
    # So many descriptors that no select(2) takes another one.
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    cluster.fork().once("online", nicer)
    reactor.run()
else:
    wasForked = "twisted_cluster.worker.warm.template" in sys.modules
    print(cluster.worker.id, os.getpriority(os.PRIO_PROCESS, 0), wasForked, flush=True)
    if cluster.worker.id == 1:
        reactor.run()
"""
# What a worker does that is its template's equal: it takes its end of the channel.
TAKER = """
import ctypes, os
from twisted.internet.protocol import Factory, Protocol

libc = ctypes.CDLL(None, use_errno=True)

def isTemplate(pid):
    with open(f"/proc/{pid}/comm") as file:
        return "cluster-templat" in file.read()

class Take(Protocol):
    def connectionMade(self):
        with open(f"/proc/{os.getppid()}/task/{os.getppid()}/children") as children:
            (pid,) = filter(isTemplate, children.read().split())
        end = libc.syscall(438, os.pidfd_open(int(pid)), 3, 0)
        said = os.write(end, b"unfit") if end >= 0 else ctypes.get_errno()
        self.transport.write(b"%d" % said)
        self.transport.loseConnection()

def make():
    return Factory.forProtocol(Take)
"""


def test_insideTheyAreAsIfStarted(tmp_path: Path) -> None:
    """
    Also for C{--rundir}: the main thread has the process's number, and whether rubbish
    is collected is as it was.
    """
    (tmp_path / "sitecustomize.py").write_text(NO_COLLECTION)
    (tmp_path / "inside.tac").write_text(INSIDE)
    (tmp_path / "run").mkdir()
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    env = {"PYTHONPATH": path, "INSIDE": str(tmp_path / "inside")}
    twistd = ["-n", "--pidfile=", f"--rundir={tmp_path / 'run'}"]
    arguments = ["--workers=1", "-y", "inside.tac"]
    with RunningCluster(arguments, tmp_path, env, twistd) as cluster:
        cluster.waitOnline(1)
        assert json.loads((tmp_path / "inside").read_text()) == [True, False, True]


def test_whatTheParentIsTheChildrenAre(tmp_path: Path) -> None:
    """
    Who has made itself less than it was when it began has no children that are more: no
    template of before forks them. One is waited for by whoever has many files open.
    """
    (tmp_path / "nicer.py").write_text(NICER)
    done = subprocess.run(
        [sys.executable, "nicer.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    first, second = done.stdout.splitlines()
    assert first == f"1 {nice} True", done.stderr
    assert second.startswith(f"2 {nice + 3} ")


def test_whoSpeaksForATemplateIsNotHeard(tmp_path: Path) -> None:
    """
    A worker of the same user can say for it that the application is unfit: that ends the
    template, not the cluster.
    """
    (tmp_path / "taker.py").write_text(TAKER)
    port = freePort()
    listen = f"--listen=tcp:{port}:interface=127.0.0.1"
    arguments = ["--app=taker.make", listen, "--warm=app"]
    with RunningCluster(arguments, tmp_path) as cluster:
        cluster.waitOnline(1)
        if ask(port) != b"5":
            pytest.skip("nobody can take another process's descriptors here")
        cluster.waitFor("no template, it has said what no template says")
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitOnline(2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stoppedTemplateEndsWithItsPrimary(tmp_path: Path, number: int) -> None:
    """
    Though it can read no more that this has ended: also in a session without a terminal,
    where the system wakes nobody.
    """
    with telling(tmp_path, "--drain-timeout=0", workers=1) as (cluster, _):
        template = templateOf(cluster)
        os.kill(template, signal.SIGSTOP)
        cluster.signal(number)
        cluster.wait()
        eventually(lambda: not isAlive(template), "it ends")


def test_whoIsStoppedBeforeItAnswersIsEnded(tmp_path: Path) -> None:
    """
    There is no worker that nobody knows.
    """
    (tmp_path / "sitecustomize.py").write_text(STOPPED)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    with telling(tmp_path, workers=1, env=env) as (cluster, _):
        cluster.waitFor("not forked: it has not answered within 0.5 s")
        eventually(
            lambda: childrenOf(cluster.pid) == cluster.workerPids(), "one that is known"
        )
