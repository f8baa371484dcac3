"""
Other ways to run: as a daemon, as somebody else, as process 1, under twist.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.cluster import (
    PATIENCE,
    TWISTD,
    RunningCluster,
    ask,
    childrenOf,
    environment,
    eventually,
    freePort,
    isAlive,
    membersOf,
)
from tests.process.somebody import (
    NOBODY,
    asRoot,
    pathsForNobody,
    publicCopy,
    pythonForNobody,
)

pytestmark = pytest.mark.process


def test_daemonServes(app: Path) -> None:
    """
    Without -n: pidfile and logfile as with any twistd, both workers serve, and SIGTERM
    removes the pidfile.
    """
    port = freePort()
    arguments = ["--workers=2", "--app=hello.greet", f"--listen=tcp:{port}"]
    subprocess.run(
        [sys.executable, "-c", TWISTD, "--logfile=out.log", "cluster", *arguments],
        cwd=app,
        env=environment(),
        check=True,
        timeout=30,
    )
    primary = int((app / "twistd.pid").read_text())
    try:
        eventually(lambda: (app / "out.log").read_text().count("ready after") == 2, "up")
        assert len({ask(port) for _ in range(4)}) == 2
        workers = childrenOf(primary)
        os.kill(primary, signal.SIGTERM)
        eventually(lambda: not any(map(isAlive, [primary, *workers])), "all ended")
        assert not (app / "twistd.pid").exists()
    finally:
        if isAlive(primary):
            os.kill(primary, signal.SIGKILL)


@asRoot
def test_privilegesAreShedAfterBinding(app: Path) -> None:
    """
    With --uid a low port is bound, and primary and workers are nobody.
    """
    python = pythonForNobody()
    port = freePort()
    arguments = ["--workers=2", "--app=hello.greet", f"--listen=tcp:{port}"]
    twistd = ["-n", "--pidfile=", *NOBODY]
    env = {"PYTHONPATH": pathsForNobody()}
    with (
        publicCopy(app) as copy,
        RunningCluster(arguments, copy, env, twistd, python) as cluster,
    ):
        cluster.waitOnline(2)
        # With the guardian of them all, and what workers are forked from.
        assert len(membersOf(cluster.pid)) == 5
        for pid in membersOf(cluster.pid):
            status = Path(f"/proc/{pid}/status").read_text()
            for field in ("Uid", "Gid"):
                assert f"\n{field}:" + "\t65534" * 4 + "\n" in status
            assert re.search(r"\nCapPrm:\t0+\n", status)
        assert len({ask(port) for _ in range(4)}) == 2


@asRoot
def test_aSocketFileThatMayNotBeRemoved(app: Path) -> None:
    """
    With --uid, in a directory of root's: what stays behind is said, and who is being
    served is served to the end.
    """
    python = pythonForNobody()
    twistd = ["-n", "--pidfile=", *NOBODY]
    arguments = ["--workers=1", "--app=hello.obey", "--listen=unix:socket"]
    env = {"PYTHONPATH": pathsForNobody()}
    with (
        publicCopy(app) as copy,
        RunningCluster(arguments, copy, env, twistd, python) as cluster,
        socket.socket(socket.AF_UNIX) as client,
    ):
        cluster.waitOnline(1)
        client.settimeout(PATIENCE)
        client.connect(str(copy / "socket"))
        client.sendall(b"pid\n")
        assert int(client.recv(100)) == cluster.workerPids()[0]
        client.sendall(b"slow\n")
        assert cluster.stop() == 0
        assert client.recv(100) == b"done"
        for name in ("socket", "socket.lock"):
            cluster.waitFor(f"{copy / name} stays behind: ")


@asRoot
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_processOneServesAndReaps(app: Path) -> None:
    """
    As process 1 of a container: orphans are reaped, SIGTERM ends it with 0.
    """
    probe = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"])
    if probe.returncode != 0:
        pytest.skip("no namespaces here")
    (app / "orphans.py").write_text(
        "import subprocess\nfrom hello import greet\n"
        "subprocess.run(['sh', '-c', 'sleep 0.1 & exit 0'])\n"
    )
    port = freePort()
    arguments = ["--workers=1", "--app=orphans.greet", f"--listen=tcp:{port}"]
    inside = [sys.executable, "-c", TWISTD, "-n", "--pidfile=", "cluster", *arguments]
    with open(app / "out.log", "wb") as log:
        process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--mount-proc", *inside],
            cwd=app,
            env=environment(),
            stdout=log,
            stderr=log,
        )
    try:
        eventually(lambda: b"ready after" in (app / "out.log").read_bytes(), "up")
        assert ask(port)
        (primary,) = childrenOf(process.pid)
        # Not at once: it might be somebody's who has not asked for its end yet.
        eventually(lambda: len(childrenOf(primary)) == 1, "the orphan is reaped", 15.0)
        os.kill(primary, signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def test_twistRunsItToo(app: Path) -> None:
    """
    C{twist cluster} is the same command.
    """
    port = freePort()
    arguments = ["--workers=2", "--app=hello.greet", f"--listen=tcp:{port}"]
    twist = "import sys; from twisted.application.twist._twist import Twist; "
    with open(app / "out.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", twist + "Twist.main(sys.argv)", "cluster", *arguments],
            cwd=app,
            env=environment(),
            stdout=log,
            stderr=log,
        )
    try:
        eventually(
            lambda: (app / "out.log").read_bytes().count(b"ready after") == 2, "both up"
        )
        assert len({ask(port) for _ in range(4)}) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
