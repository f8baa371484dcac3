"""
Where a control socket is, and what may be there before.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, freePort, running
from tests.process.control import ctl, shortDirectory, status
from tests.process.somebody import (
    NOBODY,
    asRoot,
    pathsForNobody,
    publicCopy,
    pythonForNobody,
)

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


@pytest.fixture
def short() -> Iterator[Path]:
    """
    A directory with a short name.
    """
    with shortDirectory() as directory:
        yield directory


def greeting(*more: str) -> list[str]:
    """
    Options of a cluster with one worker.
    """
    return ["--workers=1", "--app=hello.greet", f"--listen=tcp:{freePort()}", *more]


def test_whatIsLeftOfAKilledOneIsTakenOver(app: Path, short: Path) -> None:
    """
    The next has it, without a word.
    """
    path = short / "control"
    with RunningCluster(greeting(f"--control={path}"), app) as first:
        first.waitOnline(1)
        first.signal(signal.SIGKILL)
        first.wait()
        assert path.is_socket()
        with running(greeting(f"--control={path}"), app, workers=1) as second:
            assert status(path)["pid"] == second.pid
            assert "#warn" not in second.output()


def test_ofTwoTheSecondDoesNotStart(app: Path, short: Path) -> None:
    """
    It says who is there, in a sentence; the first notices nothing.
    """
    path = short / "control"
    with running(greeting(f"--control={path}"), app, workers=1) as first:
        with RunningCluster(greeting(f"--control={path}"), app) as second:
            assert second.wait() == 1
            why = f"another cluster (pid {first.pid}) has the control socket {path}"
            assert why in second.output()
            assert "Traceback" not in second.output()
        assert status(path)["pid"] == first.pid


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_whatIsNoSocketIsLeftAlone(app: Path, short: Path, kind: str) -> None:
    """
    The cluster does not start, and says what is there.
    """
    path = short / "control"
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(short / "elsewhere")
    with RunningCluster(greeting(f"--control={path}"), app) as cluster:
        assert cluster.wait() == 1
        assert str(path) in cluster.output()
        assert "Traceback" not in cluster.output()
    assert path.is_symlink() or path.exists()


def test_aPathThatIsTooLong(app: Path, short: Path) -> None:
    """
    How long one may be is said.
    """
    with RunningCluster(greeting(f"--control={short}/{'x' * 200}"), app) as cluster:
        assert cluster.wait() == 1
        assert "--control " in cluster.output()
        assert "a socket's path has 107 bytes at most" in cluster.output()


def test_aRuntimeDirectoryThatIsSomebodyElses(app: Path, short: Path) -> None:
    """
    It is not used: where everybody may write others would be heard. The cluster serves.
    """
    (short / f"twisted-cluster-{os.getuid()}").mkdir(mode=0o777)
    (short / f"twisted-cluster-{os.getuid()}").chmod(0o777)
    env = {"XDG_RUNTIME_DIR": str(short / "none"), "TMPDIR": str(short)}
    if os.path.isdir(f"/run/user/{os.getuid()}"):
        pytest.skip("there is one")
    with RunningCluster(greeting(), app, env) as cluster:
        cluster.waitOnline(1)
        assert "there is no control socket" in cluster.output()


def test_theNamesOfDeadProcessesAreSwept(app: Path, short: Path) -> None:
    """
    Without a pid file each cluster's socket has another name: they do not pile up.
    """
    short.chmod(0o700)
    env = {"XDG_RUNTIME_DIR": str(short)}
    with RunningCluster(greeting(), app, env) as first:
        first.waitOnline(1)
        first.signal(signal.SIGKILL)
        first.wait()
    with RunningCluster(greeting(), app, env) as second:
        second.waitOnline(1)
        assert [one.name for one in short.iterdir()] == [
            f"twisted-cluster-{second.pid}.sock"
        ]


def test_workersHaveNothingOfIt(app: Path, short: Path) -> None:
    """
    Neither the socket nor a connection.
    """
    path = short / "control"
    with running(greeting(f"--control={path}"), app, workers=1) as cluster:
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(path))
        with client:
            assert ctl("kill", "1", f"--control={path}").returncode == 0
            cluster.waitOnline(2)
            sockets = Path("/proc/net/unix").read_text()
            lines = [one for one in sockets.splitlines() if one.endswith(str(path))]
            inodes = [line.split()[6] for line in lines]
            assert inodes
            for pid in cluster.workerPids():
                for fd in Path(f"/proc/{pid}/fd").iterdir():
                    assert os.readlink(fd) not in [f"socket:[{one}]" for one in inodes]


@asRoot
@pytest.mark.parametrize("mode", [0o777, 0o755])
def test_itIsTheUsersThatTheClusterBecomes(app: Path, short: Path, mode: int) -> None:
    """
    Bound before privileges are shed; where he may not write it is made for him, and taken
    over next time.
    """
    python = pythonForNobody()
    env = {"PYTHONPATH": pathsForNobody()}
    short.chmod(mode)
    path = short / "control"
    with publicCopy(app) as copy:
        for _ in range(2):
            with RunningCluster(
                greeting(f"--control={path}"),
                copy,
                env,
                ("-n", "--pidfile=", *NOBODY),
                python,
            ) as cluster:
                cluster.waitOnline(1)
                there = path.stat()
                assert (there.st_uid, stat.S_IMODE(there.st_mode)) == (65534, 0o600)
                assert status(path)["isReady"]
                cluster.stop()
                assert "#warn" not in cluster.output()
            assert path.exists() == (mode == 0o755)
