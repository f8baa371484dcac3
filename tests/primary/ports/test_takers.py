"""
Who has a port: real sockets of real processes.
"""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from twisted_cluster.events import TCP, UDP, UNIX, ListenSpec
from twisted_cluster.primary.ports import takers as module
from twisted_cluster.primary.ports.takers import Takers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="others do not tell")
LOCAL = "127.0.0.1"
LISTENING = """
import socket, sys, subprocess
made = socket.create_server(("127.0.0.1", 0))
print(made.getsockname()[1], flush=True)
sys.stdin.read()
"""
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {LISTENING!r}])"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    However busy this machine is.
    """
    monkeypatch.setattr(module, "PATIENCE", 10.0)
    monkeypatch.setattr(module, "MOST_AT_ONCE", 10.0)


@contextmanager
def process(code: str) -> Iterator[tuple[int, int]]:
    """
    @return: Its pid, and the port that it, or its child, listens on.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as made:
        assert made.stdin is not None
        assert made.stdout is not None
        yield made.pid, int(made.stdout.readline())
        made.stdin.close()


def test_aWorkerIsCalledByItsNumber() -> None:
    """
    With its pid; whoever is no worker by what the system calls it.
    """
    takers = Takers()
    with process(LISTENING) as (pid, port):
        spec = ListenSpec(TCP, LOCAL, port)
        stranger = takers.whoHas(spec, ".")
        takers.workers[pid] = 3
        worker = takers.whoHas(spec, ".")
    assert stranger is not None
    assert worker is not None
    assert stranger.startswith(
        f"tcp:{port} is taken by another process (pid {pid}, python"
    )
    assert worker.startswith(f"tcp:{port} is taken by worker 3 itself (pid {pid}): ")


def test_aWorkersProgramIsItsChild() -> None:
    """
    Whatever it is called.
    """
    takers = Takers()
    with process(PARENT) as (pid, port):
        takers.workers[pid] = 1
        who = takers.whoHas(ListenSpec(TCP, "", port), ".")
    assert who is not None
    assert f"tcp:{port} is taken by a child of worker 1 (pid " in who


@pytest.mark.parametrize("interface", ["", LOCAL, "::"])
def test_UDPIsFoundOnAllAddresses(interface: str) -> None:
    """
    Here by this process itself.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as made:
        made.bind((LOCAL, 0))
        port = made.getsockname()[1]
        who = Takers().whoHas(ListenSpec(UDP, interface, port), ".")
    assert who == f"udp:{port} is taken by the cluster itself"


def test_aPathIsFoundFromItsDirectory(tmp_path: Path) -> None:
    """
    One that nobody listens at is nobody's.
    """
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "s"))
        spec = ListenSpec(UNIX, path="s")
        assert Takers().whoHas(spec, str(tmp_path)) is None
        made.listen()
        who = Takers().whoHas(spec, str(tmp_path))
    assert who == f"unix:{tmp_path}/s is taken by the cluster itself"


def test_aRelativePathIsItsDirectorys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Who has one of the same name in another directory is not named.
    """
    (tmp_path / "there").mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        monkeypatch.chdir(tmp_path)
        made.bind("s")
        made.listen()
        spec, complaint = ListenSpec(UNIX, path="s"), ["b's': address already in use"]
        took = "unix:s is taken by the cluster itself"
        assert Takers().whoHas(spec, str(tmp_path)) == took
        assert Takers().whoHas(spec, str(tmp_path / "there")) is None
        assert Takers().whyTaken(complaint) == took
        assert Takers().whyTaken(["b'x/s': address already in use"]) is None


def test_aComplaintThatNamesNothing() -> None:
    """
    It is about what the workers listen on, and the primary knows nothing of.
    """
    takers = Takers()
    complaint = ["Traceback", "OSError: [Errno 98] Address already in use"]
    with process(LISTENING) as (pid, port), socket.create_server((LOCAL, 0)):
        assert takers.whyTaken(complaint) is None
        takers.workers[pid] = 1
        why = takers.whyTaken(complaint)
        assert takers.whyTaken(["OSError: [Errno 13] Permission denied"]) is None
        assert takers.whyTaken([*complaint, str(why)]) is None
    assert why is not None
    assert why.startswith(f"tcp:{port} is taken by worker 1 itself (pid {pid}): ")


def test_aComplaintThatNamesAPort() -> None:
    """
    Whoever has it.
    """
    with socket.create_server((LOCAL, 0)) as made:
        port = made.getsockname()[1]
        why = Takers().whyTaken([f"cannot bind {LOCAL}:{port}: address already in use"])
    assert why == f"tcp:{port} is taken by the cluster itself"


def test_nobodyIsNamedWhoCannotBeSeen(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where there are no such files, nothing is said.
    """
    monkeypatch.setattr(module, "_read", lambda path: "")
    with socket.create_server((LOCAL, 0)) as made:
        port = made.getsockname()[1]
        assert Takers().whoHas(ListenSpec(TCP, LOCAL, port), ".") is None


def test_lookingTakesAShareOfTheTime(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Who tries port after port is not told each time.
    """
    monkeypatch.setattr(module, "MOST_AT_ONCE", 0.0)
    with socket.create_server((LOCAL, 0)) as made:
        spec = ListenSpec(TCP, LOCAL, made.getsockname()[1])
        takers = Takers()
        found = [takers.whoHas(spec, ".") for _ in range(3)]
    assert found == [None, None, None]
    assert os.getpid() not in takers.workers


def test_longComplaintsAreLookedAtFromTheirEnd() -> None:
    """
    However many names there are that might be in them: this takes no seconds.
    """
    text = "a" * (1 << 20)
    with ExitStack() as stack:
        for number in range(1000):
            made = stack.enter_context(socket.socket(socket.AF_UNIX))
            made.bind(f"\0{'a' * 90}{os.getpid():08}{number:04}")
            made.listen()
        port = stack.enter_context(socket.create_server((LOCAL, 0))).getsockname()[1]
        begun = time.monotonic()
        why = Takers().whyTaken([f"{text} {port}: address already in use"])
        assert time.monotonic() - begun < 1.0
    assert why == f"tcp:{port} is taken by the cluster itself"


def test_noMoreIsLookedAtThanThereIsTimeFor() -> None:
    """
    Of a process that has a million descriptors open.
    """
    assert module._inodesOf(os.getpid(), 0.0) == set()


def test_whoHasVeryManyHidesNobody() -> None:
    """
    What is listened on has low numbers: the rest of a process costs no time.
    """
    with socket.create_server((LOCAL, 0)) as made:
        inode = os.fstat(made.fileno()).st_ino
        first = len([n for n in os.listdir("/proc/self/fd") if int(n) <= made.fileno()])
        assert inode in module._inodesOf(os.getpid(), math.inf, first)
        assert inode not in module._inodesOf(os.getpid(), math.inf, first - 1)


def test_namesSteerNoTerminal() -> None:
    """
    Anybody can call his process what he likes.
    """
    name = 'import ctypes; ctypes.CDLL(None).prctl(15, b"\\x1b[2J\\nforged", 0, 0, 0)'
    with process(name + LISTENING) as (pid, port):
        who = Takers().whoHas(ListenSpec(TCP, LOCAL, port), ".")
    assert who is not None
    assert who.endswith(f"(pid {pid}, \\x1b[2J\\nforged)")
