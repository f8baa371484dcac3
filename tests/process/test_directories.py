"""
Where a worker is, and with which umask: as a process that the user starts with twistd.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.scripts import run as runScript
from tests.process.cluster import (
    ROOT,
    TWISTD,
    RunningCluster,
    ask,
    environment,
    eventually,
    freePort,
    isAlive,
)
from tests.process.facts import LAUNCHER, TAC, Stock, factsOf, launcherIn
from tests.process.ports import isRefused
from tests.process.somebody import (
    NOBODY,
    asRoot,
    pathsForNobody,
    publicCopy,
    pythonForNobody,
)

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    """
    What runs twistd.
    """
    return [str(launcherIn(tmp_path))]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """
    A directory to be in.
    """
    made = tmp_path / "release"
    made.mkdir()
    return made


def replace(cluster: RunningCluster) -> None:
    """
    Kill the only worker, and wait for the next.
    """
    os.kill(cluster.workerPids()[0], signal.SIGKILL)
    cluster.waitOnline(2)


@pytest.mark.parametrize("more", [[], ["--rundir=run"]], ids=["", "rundir"])
@pytest.mark.parametrize("isFile", [True, False], ids=["launcher", "code"])
def test_removedDirectoryStopsNoWorker(
    release: Path, program: list[str], more: list[str], isFile: bool
) -> None:
    """
    A later deploy has removed where it was started, and where it runs: the replacement
    serves.
    """
    (release / "run").mkdir()

    def remove(cluster: RunningCluster) -> None:
        shutil.rmtree(release)
        replace(cluster)
        if more:
            assert "workers cannot enter " in cluster.output()

    given = program if isFile else ["-c", TWISTD]
    told = factsOf(RunningCluster, given, release, more, meanwhile=remove)
    assert told["first"]["directory"] is None


def test_whatWasInARemovedDirectoryIsMissed(release: Path) -> None:
    """
    A module that is not there any more is told of with why.
    """
    (release / "own.py").write_text(
        "from twisted.application.service import Service as app\n"
    )
    with RunningCluster(["--workers=1", "--app=own.app"], release) as cluster:
        cluster.waitOnline(1)
        shutil.rmtree(release)
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        why = "there is no module 'own'; the working directory has been removed"
        eventually(lambda: why in cluster.output(), "it is said", 10.0)


def test_relativeSocketsNeedTheirDirectory(tmp_path: Path) -> None:
    """
    Where that has been removed only they are refused, as in a process of its own, but
    with a sentence.
    """
    script = runScript(
        """
        from twisted.internet.error import CannotListenError

        def refused():
            try:
                reactor.listenUNIX("socket", Factory())
            except CannotListenError as error:
                return {"errno": error.socketError.errno, "text": str(error)}

        if cluster.isPrimary:
            os.mkdir("gone")
            os.chdir("gone")
            os.rmdir("../gone")
            say("stock", **refused())
            cluster.fork().on("message", lambda told: say("worker", **told))
            stopWhenAlone()
        else:
            told = refused()
            told["port"] = listen().getHost().port
            cluster.worker.send(told)
            cluster.worker.disconnect()
        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("worker")
    assert told["errno"] == script.the("stock")["errno"]
    assert "socket is relative to a directory that has been removed" in told["text"]


@asRoot
@pytest.mark.parametrize("kind", [Stock, RunningCluster])
def test_directoryMayBeSomebodyElses(kind: type[RunningCluster], release: Path) -> None:
    """
    Started in a directory that only root may enter, as nobody.
    """
    python = pythonForNobody()
    (release / "app.tac").write_bytes(TAC.read_bytes())
    (release / "twistd").write_text(LAUNCHER)
    env = {"PYTHONPATH": pathsForNobody()}
    with publicCopy(release) as copy:
        closed = copy / "closed"
        closed.mkdir(0o700)
        told = factsOf(
            kind,
            [str(copy / "twistd")],
            closed,
            NOBODY,
            copy / "app.tac",
            env=env,
            python=python,
        )
        assert told["now"]["directory"] == str(closed)


@asRoot
def test_optionsCannotBeReadWhereWorkersMayNotBe(release: Path) -> None:
    """
    C{--rundir}, from a directory that only root may enter, as nobody: workers stay where
    the primary is, and the log says so.
    """
    python = pythonForNobody()
    (release / "app.tac").write_bytes(TAC.read_bytes())
    (release / "twistd").write_text(LAUNCHER)
    with publicCopy(release) as copy:
        closed = copy / "closed"
        closed.mkdir(0o700)
        told = factsOf(
            RunningCluster,
            [str(copy / "twistd")],
            closed,
            [*NOBODY, "--rundir=.."],
            copy / "app.tac",
            lambda cluster: cluster.waitFor(f"workers cannot enter {closed} "),
            env={"PYTHONPATH": pathsForNobody()},
            python=python,
        )
        assert told["first"]["directory"] == str(copy)


@pytest.mark.parametrize("kind", [Stock, RunningCluster])
def test_rundirIsGoneToAfterTheOptionsAreRead(
    kind: type[RunningCluster], release: Path, program: list[str]
) -> None:
    """
    So C{PYTHONPATH=.}, key files and C{--path .} mean where twistd was started. The umask
    is set then as well.
    """
    (release / "run").mkdir()
    more = ["--rundir=run", "--umask=027"]
    env = {"PYTHONPATH": f".:{ROOT}"}
    before = os.umask(0o022)
    try:
        told = factsOf(kind, program, release, more, env=env)
    finally:
        os.umask(before)
    assert told["first"]["directory"] == str(release)
    assert told["now"]["directory"] == str(release / "run")
    assert str(release) in told["first"]["path"]
    assert (told["first"]["umask"], told["now"]["umask"]) == (0o022, 0o027)


@pytest.mark.parametrize("kind", [Stock, RunningCluster])
def test_optionsMeanWhereItIsStarted(
    kind: type[RunningCluster], release: Path, program: list[str]
) -> None:
    """
    With C{--rundir} a plugin's files are those that the user sees.
    """
    (release / "run").mkdir()
    (release / "files").mkdir()
    (release / "files" / "here").write_text("the file\n")
    port = freePort()
    twistd = ["-n", "--pidfile=", "--rundir=run"]
    web = ["web", f"--listen=tcp:{port}:interface=127.0.0.1", "--path=files"]
    with kind(web, release, twistd=twistd, program=program):
        eventually(lambda: not isRefused(port), "it serves")
        assert ask(port, b"GET /here HTTP/1.0\r\n\r\n").endswith(b"the file\n")


def test_chrootIsRefused(release: Path, program: list[str]) -> None:
    """
    With what to do instead.
    """
    twistd = ["-n", "--pidfile=", "--chroot=/nowhere"]
    with RunningCluster(["web"], release, twistd=twistd, program=program) as cluster:
        assert cluster.wait() == 1
        assert "--chroot: workers would have to be started inside" in cluster.output()
        assert "Traceback" not in cluster.output()


@pytest.mark.parametrize("command", [[], ["cluster", "--workers=1"]], ids=str)
def test_umaskOfADaemon(tmp_path: Path, command: list[str]) -> None:
    """
    Is twistd's own for daemons, once it has read what it is to run.
    """
    (tmp_path / "app.tac").write_text(
        "from twisted.application import service\n"
        "class Late(service.Service):\n"
        "    def startService(self):\n"
        "        open('late', 'w').close()\n"
        "application = service.Application('app')\n"
        "Late().setServiceParent(application)\n"
        "open('early', 'w').close()\n"
    )
    program = [sys.executable, "-c", TWISTD, "--pidfile=pid", *command, "-y", "app.tac"]
    subprocess.run(program, cwd=tmp_path, env=environment(), umask=0o022, check=True)
    try:
        eventually((tmp_path / "late").exists, "it has started")
        modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("early", "late")]
        assert modes == [0o644, 0o600]
    finally:
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not isAlive(pid), "it has ended")
