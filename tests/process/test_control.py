"""
What a running cluster tells over its control socket, and can be told there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, ask, eventually, freePort, running
from tests.process.control import connect, ctl, request, shortDirectory, status

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


@pytest.fixture
def path() -> Iterator[Path]:
    """
    Where a control socket may be.
    """
    with shortDirectory() as short:
        yield short / "control"


def greeting(path: Path, port: int) -> list[str]:
    """
    Options of a cluster that can be asked.
    """
    return ["--app=hello.greet", f"--listen=tcp:{port}", f"--control={path}"]


def test_whatThereIsIsTold(app: Path, path: Path) -> None:
    """
    Workers with all that is known of them, and ports with what came in there.
    """
    port = freePort()
    with running(greeting(path, port), app) as cluster:
        for _ in range(6):
            ask(port)
        eventually(lambda: status(path)["counted"]["closed"] == 6, "all are counted")
        said = status(path)
        assert (said["isReady"], said["wanted"], said["pid"]) == (True, 2, cluster.pid)
        assert [one["pid"] for one in said["workers"]] == cluster.workerPids()
        for worker in said["workers"]:
            assert worker["state"] == "ready"
            assert worker["taken"] == 3
            assert worker["rss"] > 1 << 20
            assert worker["age"] > 0
        (listener,) = said["listeners"]
        assert (listener["name"], listener["accepted"]) == (f"tcp:{port}", 6)
        assert (listener["policy"], listener["refused"]) == ("round-robin", 0)
    assert not path.exists()


def test_itIsAnsweredWhileEveryWorkerHangs(app: Path, path: Path) -> None:
    """
    Within a tenth of a second, under load: the primary waits for nobody.
    """
    port = freePort()
    with running([*greeting(path, port), "--hang-timeout=0"], app) as cluster:
        pids = cluster.workerPids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(64)]
        try:
            times = []
            for _ in range(20):
                begun = time.monotonic()
                said = status(path)
                times.append(time.monotonic() - begun)
            assert sorted(times)[10] < 0.1
            assert len(said["workers"]) == 2
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            for client in clients:
                client.close()


def test_theCommandFindsTheClusterThatWasStartedHere(app: Path) -> None:
    """
    By twistd's pid file in the same directory, by its name from elsewhere, or because it
    is the only one; two in one runtime directory do not meet.
    """
    with shortDirectory() as runtime:
        runtime.chmod(0o700)
        env = {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(runtime)}
        options = ["--workers=1", "--app=hello.greet", f"--listen=tcp:{freePort()}"]
        with RunningCluster(options, app, env, ("-n",)) as cluster:
            cluster.waitOnline(1)
            (there,) = runtime.iterdir()
            assert there.is_socket()
            assert there.stat().st_mode & 0o777 == 0o600
            assert "ready" in ctl("status", directory=app, env=env).stdout
            pidfile = app / "twistd.pid"
            elsewhere = ctl("status", "--pidfile", str(pidfile), env=env)
            assert f"pid {cluster.pid}" in elsewhere.stdout
            assert ctl("status", directory=runtime, env=env).returncode == 0
            # Told to end twice is not told to end another.
            stopped = ctl("stop", directory=runtime, env=env)
            assert (stopped.returncode, str(there) in stopped.stderr) == (3, True)
            options[-1] = f"--listen=tcp:{freePort()}"
            with RunningCluster(options, app, env) as other:
                other.waitOnline(1)
                assert len(list(runtime.iterdir())) == 2
                assert (
                    f"pid {cluster.pid}" in ctl("status", directory=app, env=env).stdout
                )
                which = ctl("status", directory=runtime, env=env)
                assert which.returncode == 3
                assert which.stderr.count("--control") == 2
        assert not list(runtime.iterdir())


def test_workersAreScaledDrainedAndKilled(app: Path, path: Path) -> None:
    """
    Each command waits until it is done; how far it is comes to standard error.
    """
    where = f"--control={path}"
    with running(greeting(path, freePort()), app) as cluster:
        assert ctl("scale", "3", where).returncode == 0
        workers = status(path)["workers"]
        assert [one["state"] for one in workers] == ["ready"] * 3
        drained = ctl("drain", "1", where)
        assert drained.returncode == 0, drained.stderr
        assert workers[0]["id"] not in [one["id"] for one in status(path)["workers"]]
        killed = ctl("kill", f"pid:{workers[1]['pid']}", where)
        assert killed.returncode == 0, killed.stderr
        eventually(lambda: status(path)["isReady"], "it is ready")
        assert "kill worker=pid:" in cluster.output()
        assert f"asked for by uid {os.getuid()}, pid " in cluster.output()


def test_aReloadIsWaitedFor(app: Path, path: Path) -> None:
    """
    When the command has ended all workers are new; another one meanwhile takes the
    place of the first.
    """
    with running(greeting(path, freePort()), app):
        before = {one["id"] for one in status(path)["workers"]}
        done = ctl("reload", f"--control={path}", timeout=60.0)
        assert done.returncode == 0, done.stderr
        there = status(path)["workers"]
        assert not before & {one["id"] for one in there if one["state"] == "ready"}


def test_stacksAreTold(app: Path, path: Path) -> None:
    """
    Of one worker, and of all.
    """
    with running(greeting(path, freePort()), app):
        one = ctl("stacks", "1", f"--control={path}")
        assert "most recent call first" in one.stdout, one.stderr
        assert "worker 2" not in one.stdout
        assert "worker 2" in ctl("stacks", f"--control={path}").stdout


@pytest.mark.parametrize("more", [[], ["--now"]])
def test_theStopIsWaitedFor(app: Path, path: Path, more: list[str]) -> None:
    """
    It succeeds when the cluster has ended: another one can start at once.
    """
    with running(greeting(path, freePort()), app) as cluster:
        stopped = ctl("stop", f"--control={path}", *more)
        assert stopped.returncode == 0, stopped.stderr
        assert "stopped after" in stopped.stderr
        assert cluster.wait(2.0) == 0


def test_thePolicyIsChanged(app: Path, path: Path) -> None:
    """
    For new connections, at one port or at all; those that it is wrong for stay as they
    are.
    """
    port = freePort()
    with running(greeting(path, port), app):
        where = f"--control={path}"
        changed = ctl("policy", str(port), "pinned:worker=2", where)
        assert changed.returncode == 0, changed.stderr
        second = str(status(path)["workers"][1]["pid"]).encode()
        assert {ask(port) for _ in range(6)} == {second}
        assert status(path)["listeners"][0]["policy"] == "pinned:worker=2"
        for wrong in (["nobody"], ["pinned:worker=7"], ["9", "random"], ["none"]):
            refused = ctl("policy", *wrong, where)
            assert refused.returncode == 1
            assert refused.stderr.startswith("twisted-cluster: ")
        assert {ask(port) for _ in range(6)} == {second}
        assert ctl("policy", "round-robin", where).returncode == 0
        assert len({ask(port) for _ in range(6)}) == 2


def test_whereTheKernelChoosesThereIsNoOtherPolicy(app: Path, path: Path) -> None:
    """
    That is said.
    """
    port = freePort()
    with running([*greeting(path, port), "--policy=none"], app):
        refused = ctl("policy", "random", f"--control={path}")
        assert refused.returncode == 1
        assert f"tcp:{port}: the kernel chooses there" in refused.stderr


def test_whoWaitsIsServedByTheNewPolicy(app: Path, path: Path) -> None:
    """
    Nobody who has been accepted is lost when the policy is changed.
    """
    port = freePort()
    with running([*greeting(path, port), "--hang-timeout=0"], app, workers=1) as cluster:
        (pid,) = cluster.workerPids()
        os.kill(pid, signal.SIGSTOP)
        clients = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(80)]
        try:
            for policy in ("least-connections", "sticky:by=address", "round-robin"):
                assert ctl("policy", policy, f"--control={path}").returncode == 0
        finally:
            os.kill(pid, signal.SIGCONT)
        assert {client.recv(100) for client in clients} == {str(pid).encode()}
        for client in clients:
            client.close()


def test_theLogIsRead(app: Path, path: Path) -> None:
    """
    What was, of all or of one worker, and what comes.
    """
    port = freePort()
    options = ["--app=hello.obey", f"--listen=tcp:{port}", f"--control={path}"]
    with running(options, app) as cluster, connect(path) as follower:
        assert "worker 1 " in ctl("logs", f"--control={path}").stdout
        assert "worker 2 " not in ctl("logs", "1", f"--control={path}").stdout
        follower.sendall(b"GET /logs?follow=1&lines=0 HTTP/1.1\r\n\r\n")
        assert follower.recv(4096).startswith(b"HTTP/1.1 200 OK")
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"print")
            cluster.waitFor("printed line")
        told = b""
        while b"printed line" not in told:
            told += follower.recv(4096)
        as_json = ctl("logs", "--json", f"--control={path}").stdout.splitlines()
        assert all("text" in json.loads(line) for line in as_json)


def test_embeddedClustersHaveOneIfTheyAreToldTo(app: Path, path: Path) -> None:
    """
    It goes with the service.
    """
    (app / "embeds.tac").write_text(f"""
from twisted.application.service import Application
from twisted.internet import reactor
from twisted_cluster import ClusterConfig, ClusterService
application = Application("embeds")
config = ClusterConfig.forApp(
    "hello.greet", listen="tcp:{freePort()}", workers=1, control={str(path)!r})
ClusterService(reactor, config).setServiceParent(application)
""")

    class Embedded(RunningCluster):
        PLUGIN = ()

    with Embedded(["-y", "embeds.tac"], app) as cluster:
        cluster.waitOnline(1)
        assert status(path)["isReady"]
        code, body = request(path, "POST /stop")
        assert code == 200
        assert b'"done"' in body
        eventually(lambda: not path.exists(), "it is gone")
        assert cluster.process.poll() is None


def test_thereIsNoneIfThatIsSaid(app: Path) -> None:
    """
    Nor does the command look for another one then.
    """
    with shortDirectory() as runtime:
        env = {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(runtime)}
        env["TWISTED_CLUSTER_CONTROL"] = "none"
        listen = f"--listen=tcp:{freePort()}"
        options = ["--workers=1", "--app=hello.greet", listen]
        with RunningCluster(options, app, env) as cluster:
            cluster.waitOnline(1)
            assert not list(runtime.iterdir())
            assert ctl("status", env=env).returncode == 3
