"""
What the primary and its workers do upon signals.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.process.cluster import (
    TWISTD,
    RunningCluster,
    ask,
    environment,
    eventually,
    freePort,
    isAlive,
    running,
)
from tests.process.ports import FIXTURES
from tests.process.terminal import AtTerminal

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
LOCAL = "127.0.0.1"
HANDLING = str(FIXTURES / "handling.tac")


def serving(port: int, what: str = "greet") -> list[str]:
    """
    What a cluster of F{hello.py} is started with.
    """
    return [f"--app=hello.{what}", f"--listen=tcp:{port}:interface={LOCAL}"]


@pytest.mark.parametrize(
    "name",
    [
        "SIGALRM",
        "SIGIO",
        "SIGXCPU",
        "SIGPROF",
        "SIGTRAP",
        "SIGSEGV",
        "SIGFPE",
        "SIGRTMAX",
    ],
)
def test_whatWouldEndItStopsIt(app: Path, name: str) -> None:
    """
    Who is being served is served to the end, and it exits with 0.
    """
    port = freePort()
    with (
        running(serving(port, "obey"), app, workers=1) as cluster,
        socket.create_connection((LOCAL, port), 10.0) as client,
    ):
        client.sendall(b"pid\n")
        assert int(client.recv(100)) == cluster.workerPids()[0]
        client.sendall(b"slow\n")
        cluster.signal(getattr(signal, name))
        assert cluster.wait() == 0
        assert client.recv(100) == b"done"
        assert f"{name}: the cluster stops" in cluster.output()


@pytest.mark.parametrize("name", ["SIGQUIT", "SIGABRT"])
def test_quitIsNow(app: Path, name: str) -> None:
    """
    Nobody is waited for, also where a stop waits already; it exits with 0.
    """
    port = freePort()
    with (
        running(serving(port, "obey"), app, workers=1) as cluster,
        socket.create_connection((LOCAL, port), 10.0) as client,
    ):
        client.sendall(b"pid\n")
        assert client.recv(100)
        if name == "SIGQUIT":
            cluster.signal(signal.SIGTERM)
            cluster.waitFor("stopping: waiting for")
        cluster.signal(getattr(signal, name))
        assert cluster.wait(5.0) == 0


def test_whatMeansNothingDoesNothing(app: Path) -> None:
    """
    All that may come to a cluster that serves on, one after the other.
    """
    port = freePort()
    nothing = ("USR1", "USR2", "PIPE", "XFSZ", "CHLD", "CONT", "WINCH", "URG", "HUP")
    with running([*serving(port), "--on-hup=ignore"], app) as cluster:
        for name in nothing:
            cluster.signal(getattr(signal, f"SIG{name}"))
        cluster.waitFor("SIGUSR2: nothing is done: the primary cannot be replaced by it")
        cluster.waitFor("SIGHUP: ignored, as --on-hup says")
        before = set(cluster.workerPids())
        assert {int(ask(port)) for _ in range(4)} == before
        for pid in before:
            for name in ("HUP", "USR1", "USR2", "INT"):
                os.kill(pid, getattr(signal, f"SIG{name}"))
        assert {int(ask(port)) for _ in range(4)} == before


def test_hupRenewsWorkers(app: Path) -> None:
    """
    Nobody who comes meanwhile is refused.
    """
    port = freePort()
    with running([*serving(port), "--reload-trial=0.5"], app) as cluster:
        before = set(cluster.workerPids())
        cluster.signal(signal.SIGHUP)
        cluster.waitFor("SIGHUP: workers are renewed")
        eventually(
            lambda: ask(port) and not any(map(isAlive, before)), "the old ones are gone"
        )
        assert not {int(ask(port)) for _ in range(8)} & before


def test_whatIsForwardedReachesWhoHasAHandler(tmp_path: Path) -> None:
    """
    In every worker, and the primary goes on.
    """
    port = freePort()
    arguments = ["--workers=2", "--on-hup=forward", "-y", HANDLING]
    with RunningCluster(arguments, tmp_path, {"PORT": str(port)}) as cluster:
        cluster.waitOnline(2)
        for name in ("SIGHUP", "SIGUSR1"):
            cluster.signal(getattr(signal, name))
            for pid in cluster.workerPids():
                note = tmp_path / f"{name}.{pid}"
                eventually(note.exists, f"both hear {name}")
        cluster.waitFor("SIGHUP: passed on to 2 workers")
        assert {int(ask(port)) for _ in range(4)} == set(cluster.workerPids())


def test_whoHasNoHandlerDoesNotNotice(app: Path) -> None:
    """
    It is not ended by what others wait for.
    """
    port = freePort()
    with running([*serving(port), "--on-hup=forward"], app) as cluster:
        cluster.signal(signal.SIGHUP)
        cluster.waitFor("SIGHUP: passed on to 2 workers")
        assert {int(ask(port)) for _ in range(4)} == set(cluster.workerPids())


def test_usr1OpensTheLogAgain(app: Path) -> None:
    """
    Where it has been moved, as by logrotate; else it is rotated, as twistd does.
    """
    port = freePort()
    log, moved = app / "out.log", app / "moved.log"
    twistd = ["-n", "--pidfile=", "--logfile=out.log"]
    arguments = ["--workers=1", *serving(port)]
    with RunningCluster(arguments, app, twistd=twistd) as cluster:
        eventually(lambda: log.exists() and " ready after " in log.read_text(), "up")
        log.rename(moved)
        cluster.signal(signal.SIGUSR1)
        eventually(log.exists, "it is opened again")
        cluster.signal(signal.SIGUSR2)
        eventually(lambda: "SIGUSR2" in log.read_text(), "it is written")
        cluster.signal(signal.SIGUSR1)
        eventually((app / "out.log.1").exists, "it is rotated")


def test_ttinAndTtouScale(app: Path) -> None:
    """
    One more, one less, each time; one stays.
    """
    port = freePort()
    with running(serving(port), app, workers=1) as cluster:
        cluster.signal(signal.SIGTTIN)
        cluster.waitFor("SIGTTIN: 2 workers from now on")
        cluster.waitOnline(2)
        cluster.signal(signal.SIGTTOU)
        cluster.waitFor("SIGTTOU: 1 worker from now on")
        cluster.signal(signal.SIGTTOU)
        cluster.waitFor("SIGTTOU: nothing is done: there is one worker")
        assert ask(port)


def test_whatWasIgnoredStaysSo(app: Path) -> None:
    """
    As under nohup, or in the background of a script.
    """

    def ignore() -> None:
        for number in (signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)

    port = freePort()
    with RunningCluster(["--workers=1", *serving(port)], app, before=ignore) as cluster:
        cluster.waitOnline(1)
        cluster.signal(signal.SIGHUP)
        cluster.signal(signal.SIGQUIT)
        cluster.signal(signal.SIGUSR2)
        cluster.waitFor("SIGUSR2")
        assert not {"SIGHUP:", "SIGQUIT:"} & set(cluster.output().split())
        assert ask(port)


def test_ctrlCTwiceIsNow(app: Path) -> None:
    """
    The first stops, the second kills whoever is waited for; it exits with 0.
    """
    port = freePort()
    with AtTerminal(["cluster", "--workers=1", *serving(port, "obey")], app, {}) as seen:
        seen.waitFor("ready: 1 worker")
        with socket.create_connection((LOCAL, port), 10.0) as client:
            client.sendall(b"pid\n")
            assert client.recv(100)
            seen.interrupt()
            seen.waitFor("stopping: waiting for")
            time.sleep(0.25)
            seen.interrupt()
            assert seen.wait() == 0
        assert "a second signal: workers are killed" in seen.shown()


def test_theTerminalsEndIsAStop(app: Path) -> None:
    """
    Not a reload: nobody is there who would see it, and the port is wanted again.
    """
    port = freePort()
    with AtTerminal(["cluster", "--workers=1", *serving(port)], app, {}) as seen:
        seen.waitFor("ready: 1 worker")
        os.close(seen._fd)
        seen._fd = os.open(os.devnull, os.O_RDONLY)
        eventually(lambda: not isAlive(seen.pid), "it has ended")


def test_twistHasTheSame(app: Path) -> None:
    """
    C{twist cluster} has the process to itself as well.
    """
    port = freePort()
    twist = "from twisted.application.twist._twist import Twist; Twist.main(sys.argv)"
    cluster = RunningCluster(
        ["--workers=1", *serving(port)],
        app,
        twistd=[],
        program=["-c", f"import sys; {twist}"],
    )
    with cluster:
        # Its log is JSON where it is no terminal's.
        cluster.waitFor("Starting factory", 1)
        eventually(lambda: ask(port), "it serves")
        cluster.signal(signal.SIGHUP)
        cluster.waitFor("Starting factory", 2)
        cluster.signal(signal.SIGQUIT)
        assert cluster.wait() == 0


def daemon(app: Path, name: str, port: int) -> subprocess.CompletedProcess[str]:
    """
    Start one, and wait until its starter comes back.
    """
    arguments = ["--workers=1", f"--app={name}", f"--listen=tcp:{port}"]
    return subprocess.run(
        [sys.executable, "-c", TWISTD, "--logfile=out.log", "cluster", *arguments],
        cwd=app,
        env=environment(),
        timeout=30,
        capture_output=True,
        text=True,
    )


def test_aDaemonsStarterWaitsUntilItServes(app: Path) -> None:
    """
    And not only until it has been started.
    """
    (app / "slow.py").write_text(
        "from hello import greet\nfrom twisted.internet import reactor, task\n"
        "def make():\n    return task.deferLater(reactor, 1.0, lambda: greet)\n"
    )
    port = freePort()
    done = daemon(app, "slow.make", port)
    pid = int((app / "twistd.pid").read_text())
    try:
        assert (done.returncode, done.stderr) == (0, "")
        assert "ready after" in (app / "out.log").read_text()
        assert ask(port)
    finally:
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not isAlive(pid), "it has ended")


def test_aDaemonsStarterLearnsThatItCannotServe(app: Path) -> None:
    """
    With the reason.
    """
    (app / "broken.py").write_text("raise ValueError('no database')\n")
    done = daemon(app, "broken.greet", freePort())
    assert done.returncode == 1
    assert "no database" in done.stderr or "importing broken failed" in done.stderr
    assert "look at log file" in done.stderr
    eventually(lambda: not (app / "twistd.pid").exists(), "it has ended")
