"""
What another user of the machine can do to a cluster of root's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.cluster import (
    ROOT,
    RunningCluster,
    Stock,
    allChildrenOf,
    eventually,
    freePort,
)
from tests.process.control import shortDirectory
from tests.process.somebody import asRoot, pythonForNobody

pytestmark = [pytest.mark.process, pytest.mark.timeout(40), asRoot]

NOBODY = 65534
# Says what it could do, to each process and with the socket.
TRY = """
import os, socket, sys
control, *pids = sys.argv[1:]

def read(path):
    with open(path, "rb") as file:
        file.read(1)

def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)

tries = {"connect": lambda: connect(control)}
for pid in pids:
    for name in ("environ", "mem", "maps"):
        tries[f"{name} {pid}"] = lambda p=f"/proc/{pid}/{name}": read(p)
    for name in ("fd", "map_files"):
        tries[f"{name} {pid}"] = lambda p=f"/proc/{pid}/{name}": os.listdir(p)
    for fd in range(12):
        tries[f"fd {fd} {pid}"] = lambda p=f"/proc/{pid}/fd/{fd}": os.open(p, os.O_RDWR)
    tries[f"kill {pid}"] = lambda pid=int(pid): os.kill(pid, 0)
for name, act in tries.items():
    try:
        act()
    except OSError:
        continue
    print(name)
print("tried", len(tries))
"""


@pytest.fixture
def theirs(app: Path) -> Iterator[Path]:
    """
    A directory of another user's, where root starts a cluster.
    """
    with tempfile.TemporaryDirectory() as public:
        copy = shutil.copytree(app, Path(public, "app"))
        for folder in (Path(public), copy):
            os.chown(folder, NOBODY, NOBODY)
        yield copy


def test_anotherUserGetsAtNoProcess(app: Path) -> None:
    """
    At none that belongs to the cluster, nor at the control socket.
    """
    python = pythonForNobody()
    with shortDirectory() as short:
        short.chmod(0o755)
        control = short / "control"
        options = ["--workers=1", "--app=hello.greet", f"--listen=tcp:{freePort()}"]
        with RunningCluster([*options, f"--control={control}"], app) as cluster:
            cluster.waitOnline(1)
            pids = [cluster.pid, *allChildrenOf(cluster.pid)]
            assert len(pids) == 4
            done = subprocess.run(
                [python, "-c", TRY, str(control), *map(str, pids)],
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                cwd="/",
                capture_output=True,
                text=True,
            )
            assert done.stdout == f"tried {1 + len(pids) * 18}\n", done.stderr


def eventuallyHas(path: Path, text: str) -> None:
    """
    Wait until a file has a text.
    """
    eventually(lambda: path.exists() and text in path.read_text(), f"{text} in {path}")


@pytest.mark.parametrize("kind", [Stock, RunningCluster])
def test_linksInTheDirectoryOfAnothersAreFollowedAsByTwistd(
    theirs: Path, tmp_path: Path, kind: type[RunningCluster]
) -> None:
    """
    Who may write where root starts it decides where its pid file is, and its log.
    """
    (theirs / "twistd.pid").symlink_to(tmp_path / "pid")
    (theirs / "twistd.log").symlink_to(tmp_path / "log")
    os.chown(theirs / "twistd.pid", NOBODY, NOBODY, follow_symlinks=False)
    (theirs / "app.tac").write_text(
        "from twisted.application.service import Application\n"
        "application = Application('none')\n"
    )
    twistd = ["-n", "--logfile=twistd.log"]
    given = ["-y", "app.tac"] if kind is Stock else ["--workers=1", "-y", "app.tac"]
    if kind is Stock:
        twistd, given = [*twistd, *given], []
    with kind(given, theirs, twistd=twistd) as there:
        eventuallyHas(tmp_path / "pid", str(there.pid))
        eventuallyHas(tmp_path / "log", "starting up")


def test_aPidFileOfAnothersKeepsItFromStarting(theirs: Path) -> None:
    """
    As twistd: what it names may be another twistd. That is not signalled.
    """
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as it:
        (theirs / "twistd.pid").write_text(str(it.pid))
        given = ["--workers=1", "--app=hello.greet", f"--listen=tcp:{freePort()}"]
        with RunningCluster(given, theirs, twistd=["-n"]) as cluster:
            assert cluster.wait() == 1
            assert f"Another twistd server is running, PID {it.pid}" in cluster.output()
        done = subprocess.run(
            [sys.executable, "-m", "twisted_cluster.ctl", "stop", "--pidfile=twistd.pid"],
            cwd=theirs,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 3
        assert it.poll() is None
        it.communicate(b"\n")
