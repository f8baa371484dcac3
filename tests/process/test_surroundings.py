"""
What a worker, and the programs that it starts, have of the process that the user has
started: signals and limits are those of a stock twistd.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, environment, eventually
from tests.process.surrounding import FIXTURES, Stock, maskIn, signalsOf, surrounded
from tests.process.trouble import Line, manyClients

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
IGNORED = {signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT, signal.SIGRTMIN}
BLOCKED = {signal.SIGCHLD, signal.SIGUSR2, signal.SIGWINCH}
SOFT = 512
SCRIPT = FIXTURES / "surrounded_script.py"
CLIENTS = 2000


def nothing() -> None:
    """
    As it comes.
    """


def deaf() -> None:
    """
    As under nohup, and worse.
    """
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, BLOCKED)


def inBackground() -> None:
    """
    As what a shell without job control starts with C{&}.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGINT})


def childless() -> None:
    """
    Started by who wants to hear of no child.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def told(
    kind: type[RunningCluster], directory: Path, before: Callable[[], None]
) -> list[dict[str, int]]:
    """
    What a server ignores and blocks, and what programs do that it starts.
    """
    with surrounded(kind, directory, before) as (_, port), Line(port) as line:
        return [
            signalsOf(int(line.say(b"pid"))),
            maskIn(line.say(b"called_signals").decode()),
            # Where the ends of children are blocked stock Twisted hears of none.
            {} if before is deaf else maskIn(line.say(b"spawned_signals").decode()),
        ]


@pytest.mark.parametrize("before", [nothing, deaf, inBackground, childless])
def test_signalsAreAsInStock(tmp_path: Path, before: Callable[[], None]) -> None:
    """
    What was ignored or blocked at the start is in a worker, and in what it starts.
    """
    assert told(RunningCluster, tmp_path, before) == told(Stock, tmp_path, before)


@pytest.mark.parametrize("before", [deaf, childless])
def test_deathsAreNoticed(tmp_path: Path, before: Callable[[], None]) -> None:
    """
    Whoever started the cluster wants to hear of no child: a worker that dies is
    replaced all the same.
    """
    with surrounded(RunningCluster, tmp_path, before) as (cluster, port):
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitOnline(2)
        with Line(port) as line:
            assert int(line.say(b"pid")) == cluster.workerPids()[0]


def test_aWorkerSurvivesWhatIsIgnored(tmp_path: Path) -> None:
    """
    C{nohup twistd -n cluster}: the terminal goes, the cluster stays.
    """
    with surrounded(RunningCluster, tmp_path, deaf) as (cluster, port), Line(port) as one:
        pid = one.say(b"pid")
        os.killpg(cluster.pid, signal.SIGHUP)
        assert one.say(b"pid") == pid
        assert cluster.online() == 1


@pytest.mark.parametrize("kind", [RunningCluster, Stock])
def test_aLogThatIsRotatedEndsNobody(tmp_path: Path, kind: type[RunningCluster]) -> None:
    """
    Whichever of the processes is sent SIGUSR1, once there is a log file.
    """
    log = ["-n", "--pidfile=", "--logfile=own.log"]
    with surrounded(kind, tmp_path, twistd=log) as (_, port), Line(port) as one:
        pid = one.say(b"pid")
        os.kill(int(pid), signal.SIGUSR1)
        assert one.say(b"pid") == pid


@pytest.mark.parametrize("before", [nothing, deaf, inBackground, childless])
def test_forkedScriptsAreAsScripts(tmp_path: Path, before: Callable[[], None]) -> None:
    """
    What was ignored or blocked at the start, and the limit, are in the worker of a script
    as in the script that runs alone, and its end is noticed.
    """

    def start() -> None:
        before()
        few()

    def run(*arguments: str) -> dict[str, int]:
        done = subprocess.run(
            [sys.executable, SCRIPT, *arguments],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            preexec_fn=start,
            check=True,
            timeout=20,
        )
        return maskIn(done.stdout)

    alone = run()
    assert len(alone) == 6
    assert run("fork") == alone


def few() -> None:
    """
    As C{ulimit -Sn 512}.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (SOFT, hard))


WAYS = ("spawned_limit", "called_limit", "pty_limit", "forked_limit")


def limits(port: int) -> dict[str, int]:
    """
    The limit that a server has, and that programs have which it starts.
    """
    with Line(port) as line:
        return {way: int(line.say(way.encode())) for way in ("limit", *WAYS)}


def test_theLimitOfDescriptorsIsThatOfTheStart(tmp_path: Path) -> None:
    """
    In a worker, and in what it starts; not that which the primary has given itself.
    """
    with surrounded(RunningCluster, tmp_path, few) as (_, port):
        clustered = limits(port)
    with surrounded(Stock, tmp_path, few) as (_, port):
        assert clustered == limits(port) == dict.fromkeys(("limit", *WAYS), SOFT)


@pytest.mark.parametrize("policy", ["round-robin", "none"])
def test_aWorkerHasMoreWhenItNeedsMore(tmp_path: Path, policy: str) -> None:
    """
    As many connections as the hard limit allows, none of which is lost, whoever accepts
    them; programs that are started then get the old limit still, but those that nobody
    can tell.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < 2 * CLIENTS:
        pytest.skip("the hard limit is too low")
    more = [f"--policy={policy}"]
    with surrounded(RunningCluster, tmp_path, few, more=more) as (cluster, port):
        with manyClients(port, CLIENTS) as clients:
            for client in clients:
                client.setblocking(True)
                client.settimeout(20)
                client.sendall(b"pid\n")
            pid = cluster.workerPids()[0]
            assert {client.recv(100) for client in clients} == {b"%d\n" % pid}
            found = limits(port)
        assert found["limit"] > SOFT
        assert (found["spawned_limit"], found["pty_limit"]) == (SOFT, SOFT)
        eventually(lambda: len(os.listdir(f"/proc/{pid}/fd")) < 400, "they have gone")
        assert limits(port)["forked_limit"] == SOFT
        assert "no descriptor was free" not in cluster.output()


def test_selectIsNotGivenMoreThanItCan(tmp_path: Path) -> None:
    """
    1024: what is beyond it cannot wait for. The rest waits in the kernel.
    """
    with surrounded(RunningCluster, tmp_path, few, more=["--reactor=select"]) as (
        cluster,
        port,
    ):
        with manyClients(port, CLIENTS):
            pid = cluster.workerPids()[0]

            def openThere() -> int:
                return len(os.listdir(f"/proc/{pid}/fd"))

            eventually(lambda: openThere() > SOFT + 200, "it serves many")
            limit = Path(f"/proc/{pid}/limits").read_text()
            assert "Max open files            1024 " in limit
        with Line(port) as line:
            assert line.say(b"pid") == b"%d" % pid
        assert "out of range" not in cluster.output()
