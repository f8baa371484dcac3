"""
Starts that hang, that the system refuses, that somebody ends.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import (
    RunningCluster,
    ask,
    childrenOf,
    environment,
    eventually,
    freePort,
    isAlive,
)
from tests.process.injecting import NO_ROOM, anyClock, injected
from tests.process.ports import FIXTURES, isRefused

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]


@contextmanager
def starting(
    app: Path, *more: str, workers: int = 2, **env: str
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster whose workers start as it is put down, and its port.
    """
    port = freePort()
    arguments = [f"--workers={workers}", "--app=starting.greet", f"--listen=tcp:{port}"]
    path = os.pathsep.join([str(FIXTURES), environment(env)["PYTHONPATH"]])
    told = {**env, "PYTHONPATH": path}
    with RunningCluster([*arguments, *more], app, told) as cluster:
        yield cluster, port


def hangs(app: Path) -> int:
    """
    Wait until a worker hangs.

    @return: Its pid.
    """
    eventually(lambda: _isWritten(app / "hanging"), "one hangs")
    return int((app / "hanging").read_text())


def _isWritten(file: Path) -> bool:
    return file.exists() and bool(file.read_text())


def test_startThatHangsHoldsBackOthersForAWhile(app: Path) -> None:
    """
    It is said every ten seconds, with where it is; after thirty the others start all the
    same, and serve.
    """
    clock = anyClock(app)
    (app / "hang").touch()
    with starting(app, workers=3, **clock.env) as (cluster, port):
        pid = hangs(app)
        clock.hurry(22)
        said = [line for line in cluster.output().splitlines() if "#warn" in line]
        about = [line for line in said if f"({pid})" in line]
        assert len(about) >= 2, cluster.output()
        assert all("starting.py:26 in <module>" in line for line in about)
        clock.hurry(10)
        cluster.waitOnline(2)
        # To whom time has just jumped may be passed over until its next heartbeat.
        eventually(lambda: len({ask(port) for _ in range(4)}) == 2, "both serve")
        assert isAlive(pid)
        os.kill(pid, signal.SIGKILL)
        cluster.waitOnline(3)


def test_startsHaveALimit(app: Path) -> None:
    """
    One that hangs is ended then, and said to be, with its stack; it has failed, and the
    next may not.
    """
    clock = anyClock(app)
    (app / "hang").touch()
    with starting(app, "--start-timeout=60", **clock.env) as (cluster, port):
        pid = hangs(app)
        clock.jump(61)
        eventually(lambda: not isAlive(pid), "it is ended", 8.0)
        cluster.waitOnline(2)
        assert len({ask(port) for _ in range(4)}) == 2
        said = f"({pid}) is ended: it had not started within 60 s:\n"
        _, _, stack = cluster.output().partition(said)
        assert "(most recent call first):" in stack.splitlines()[0]
        assert 'starting.py", line 26 in <module>' in stack.splitlines()[1]


def test_startsHaveALimitOfFiveMinutes(app: Path) -> None:
    """
    Where nothing else is said.
    """
    clock = anyClock(app)
    (app / "hang").touch()
    with starting(app, workers=1, **clock.env) as (cluster, _):
        pid = hangs(app)
        for _ in range(14):
            clock.jump(20)
            time.sleep(0.1)
        assert isAlive(pid)
        clock.jump(20)
        clock.jump(5)
        eventually(lambda: not isAlive(pid), "it is ended", 5.0)
        cluster.wait(10.0)


def test_onlyStartThatExceedsItsLimitEndsTheCluster(app: Path) -> None:
    """
    As one that fails: with 1, and the port closed.
    """
    clock = anyClock(app)
    (app / "hang").touch()
    arguments = ["--start-timeout=60"]
    with starting(app, *arguments, workers=1, **clock.env) as (cluster, port):
        hangs(app)
        clock.jump(61)
        assert cluster.wait(8.0) == 1
        assert isRefused(port)


@pytest.mark.parametrize("text", ["0", "-1", "soon"])
def test_limitOnStartsIsANumberOfSeconds(app: Path, text: str) -> None:
    """
    More than 0.
    """
    with starting(app, f"--start-timeout={text}") as (cluster, _):
        assert cluster.wait() == 1
        assert "--start-timeout" in cluster.output()
        assert "give a number" in cluster.output()
        assert "Traceback" not in cluster.output()


@pytest.mark.parametrize("workers", [1, 3])
def test_refusedStartsEndTheCluster(app: Path, workers: int) -> None:
    """
    A system that has no room for a single worker: the cluster says so, gives up, and
    ends with 1.
    """
    (app / "full").touch()
    env = injected(app, NO_ROOM, NO_ROOM=str(app / "full"))
    with starting(app, workers=workers, **env) as (cluster, port):
        assert cluster.wait(10.0) == 1
        assert isRefused(port)
        assert os.strerror(11) in cluster.output()
        assert "Traceback" not in cluster.output()


def test_refusalsLaterAreOnlyDelays(app: Path) -> None:
    """
    While one worker serves, the other is tried again, less and less often, and nothing
    leaks.
    """
    env = injected(app, NO_ROOM, NO_ROOM=str(app / "full"))
    with starting(app, "--warm=no", **env) as (cluster, port):
        cluster.waitOnline(2)
        time.sleep(2.1)  # until they are thought to have started well
        before = len(os.listdir(f"/proc/{cluster.pid}/fd"))
        (app / "full").touch()
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitFor(os.strerror(11))
        eventually(lambda: (app / "full").stat().st_size > 1, "it is tried again")
        assert ask(port)
        (app / "full").unlink()
        cluster.waitOnline(3)
        assert len({ask(port) for _ in range(4)}) == 2
        eventually(
            lambda: len(os.listdir(f"/proc/{cluster.pid}/fd")) <= before,
            "none leaks",
            3.0,
        )


@pytest.mark.parametrize("workers", [1, 2])
def test_plannedEndsAreNoFailedStarts(app: Path, workers: int) -> None:
    """
    Workers that are told to end as soon as they are there are replaced.
    """
    with starting(app, workers=workers) as (cluster, port):
        cluster.waitOnline(workers)
        for pid in cluster.workerPids():
            os.kill(pid, signal.SIGTERM)
        cluster.waitOnline(2 * workers)
        assert len({ask(port) for _ in range(4)}) == workers


def theOnlyWorkerOf(cluster: RunningCluster) -> int:
    """
    Wait until it is started.
    """
    found: list[int] = []

    def isThere() -> bool:
        # Who guards it looks as the primary does until it is itself.
        found[:] = childrenOf(cluster.pid)
        return len(found) == 1

    eventually(isThere, "one is started")
    return found[0]


def test_endIsPlannedAlsoBeforeTheApplicationHasStarted(app: Path) -> None:
    """
    SIGTERM to the only worker while it starts: it is replaced.
    """
    (app / "slow").touch()
    with starting(app, workers=1) as (cluster, port):
        pid = theOnlyWorkerOf(cluster)
        os.kill(pid, signal.SIGTERM)
        (app / "slow").unlink()
        cluster.waitOnline(1)
        assert ask(port) != b"%d" % pid


def test_applicationThatCannotStartEndsTheClusterStill(app: Path) -> None:
    """
    With 1, soon, and its traceback once.
    """
    (app / "broken").touch()
    with starting(app, workers=3) as (cluster, port):
        assert cluster.wait(10.0) == 1
        assert cluster.output().count("Traceback (most") == 1
        assert cluster.output().count("RuntimeError: it cannot start") == 2
        assert isRefused(port)


PIDDING = """
import os
from twisted.application import internet
from twisted.internet.protocol import Factory, Protocol
from twisted.python import usage

class Options(usage.Options):
    optParameters = [["port", "p", None, "Where to listen.", int]]
    def postOptions(self):
        self.parent["pidfile"] = "its.pid"

class Greet(Protocol):
    def connectionMade(self):
        self.transport.write(b"%d" % os.getpid())
        self.transport.loseConnection()

def makeService(options):
    return internet.TCPServer(
        options["port"], Factory.forProtocol(Greet), interface="127.0.0.1"
    )
"""
PIDDING_PLUGIN = """
from twisted.application.service import ServiceMaker
pidding = ServiceMaker("pidding", "pidding", "Sets a pid file.", "pidding")
"""


def test_pluginThatSetsAPidFile(tmp_path: Path) -> None:
    """
    A plugin that gives twistd a pid file of its own runs on two workers; neither has it.
    """
    (tmp_path / "twisted" / "plugins").mkdir(parents=True)
    (tmp_path / "twisted" / "plugins" / "pidding_plugin.py").write_text(PIDDING_PLUGIN)
    (tmp_path / "pidding.py").write_text(PIDDING)
    port = freePort()
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])}
    plugin = ["pidding", f"--port={port}"]
    with RunningCluster(["--workers=2", *plugin], tmp_path, env) as cluster:
        cluster.waitOnline(2)
        assert len({ask(port) for _ in range(4)}) == 2
        assert not (tmp_path / "its.pid").exists()
        assert cluster.stop() == 0
        assert "Traceback" not in cluster.output()
