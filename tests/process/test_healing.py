"""
Slots whose workers do not stay.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path

import pytest

import twisted
from tests.process.cluster import (
    RunningCluster,
    environment,
    eventually,
    freePort,
    isAlive,
)
from tests.process.trouble import server
from tests.process.verbs import LIVES, told

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]


def test_slotWhoseWorkersCannotStartIsFailed(tmp_path: Path) -> None:
    """
    After the third that could not it is said with the reason, and how many serve; with
    --min-ready 2 the cluster is not ready, which is said too. It recovers by itself.
    """
    doom = tmp_path / "doom"
    env = {"DOOM": str(doom)}
    with told(tmp_path, 2, "restless.doomed", env, minReady=2) as cluster:
        cluster.waitFor("ready: 2 workers")
        # Until they are thought to have started well.
        eventually(lambda: ageOf(cluster.workerPids()[1]) > 2.5, "they have settled")
        doom.touch()
        os.kill(cluster.workerPids()[1], signal.SIGKILL)
        cluster.waitFor("1 of 2 workers serves; worker 2 cannot start: ")
        assert "KeyError: 'no key' (tried 3 times, again in" in cluster.output()
        cluster.waitFor("not ready: 1 of 2 workers serves, and 2 have to")
        says = cluster.tell("scale", 2)[-1]
        assert says[0] == "CommandError"
        assert "worker 2 fails: " in says[1]
        assert "KeyError: 'no key'" in says[1]
        doom.unlink()
        cluster.waitFor("ready again: 2 of 2 workers serve")


def ageOf(pid: int) -> float:
    """
    For how long a process has run, in seconds.
    """
    started = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - started / os.sysconf("SC_CLK_TCK")


def test_whoStopsItsReactorAgainAndAgainIsTold(tmp_path: Path) -> None:
    """
    An application that ends by itself every now and then is started again each time, but
    not for ever unsaid; and where it is to be given up, the cluster ends with 1.
    """
    env = {"AFTER": "1.3"}
    with told(tmp_path, 1, "restless.restless", env, giveUpAfter=7) as cluster:
        cluster.waitFor("worker 1 does not stay: ended", timeout=30.0)
        assert "(tried 5 times)" in cluster.output()
        cluster.waitFor("7 workers of a slot did not stay, one after another", 1, 20.0)
        last = cluster.workerPids()
        eventually(lambda: not any(map(isAlive, last)), "all end")


def test_givingUpEndsTheCommandWithOne(tmp_path: Path) -> None:
    """
    Whatever the last worker has exited with: an orchestrator decides what is next.
    """
    port = freePort()
    env = {"PYTHONPATH": os.pathsep.join([str(LIVES), environment()["PYTHONPATH"]])}
    given = ["--workers=2", "--app=restless.doomed", f"--listen=tcp:{port}"]
    env["DOOM"] = str(tmp_path / "doom")
    with RunningCluster([*given, "--give-up-after=2"], tmp_path, env) as cluster:
        cluster.waitOnline(2)
        (tmp_path / "doom").touch()
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        assert cluster.wait() == 1
        assert "workers of a slot did not stay" in cluster.output()
        assert "KeyError: 'no key'" in cluster.output()


@pytest.mark.skipif(os.getuid() != 0, reason="sheds privileges")
def test_interpreterThatWorkersMayNotRunIsAFailedStart(tmp_path: Path) -> None:
    """
    Root starts the cluster, workers are somebody else's, and cannot: it ends at once,
    and says what to look at.
    """
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    python = closed / "python"
    python.symlink_to(sys.executable)
    packages = str(Path(twisted.__file__).parents[1])
    path = os.pathsep.join([packages, environment()["PYTHONPATH"]])
    with RunningCluster(
        ["--workers=2", "--app=restless.doomed"],
        tmp_path,
        {"PYTHONPATH": path},
        ["-n", "--pidfile=", "--uid=65534", "--gid=65534"],
        str(python),
    ) as cluster:
        assert cluster.wait() == 1
        assert "cannot start worker 1: " in cluster.output()
        assert os.strerror(errno.EACCES) in cluster.output()
        assert "may not run it" in cluster.output()
        assert "Traceback" not in cluster.output()


def test_othersServeWhileOneIsFailed(tmp_path: Path) -> None:
    """
    Deaths of one slot's workers leave the other alone.
    """
    with told(tmp_path, 2, "trouble.obey") as cluster:
        first, second = cluster.workerPids()
        for _ in range(3):
            os.kill(second, signal.SIGKILL)
            eventually(lambda was=second: cluster.workerPids()[1] != was, "there is one")
            second = cluster.workerPids()[1]
        assert {server(cluster.port) for _ in range(10)} == {first, second}
