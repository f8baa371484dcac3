"""
A worker that serves a file system, and does not answer: others who wait for it wait in
the kernel.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.intrusions.control import ANSWERS
from tests.process.cluster import (
    TWISTD,
    RunningCluster,
    eventually,
    freePort,
)
from tests.process.hostile import doHarm, environmentOf, worstOf

# umount2(2): give up what is asked there, and take it away although it is in use.
AWAY = 1 | 2
MOUNT = """
import ctypes

system = ctypes.CDLL(None)
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
"""


def _mayServe() -> bool:
    """
    Whether this process may mount what it serves itself.
    """
    found: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as place:
        try:
            exec(MOUNT, {"os": os}, found)
        except OSError:
            return False
        system = ctypes.CDLL(None)
        try:
            failed = system.mount(b"x", place.encode(), b"fuse", 0, found["options"])
            return not failed and not system.umount2(place.encode(), AWAY)
        finally:
            os.close(found["device"])


pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(60),
    pytest.mark.skipif(not _mayServe(), reason="needs FUSE"),
]

# One second, instead of five, and of ten.
SOON = """
from twisted_cluster.primary.lives import child, listens
child.LEAVING = listens.LATE = 1.0
"""
LIMITS = ["--drain-timeout=1", "--stop-timeout=0.5"]
# It waits in the kernel for itself, and keeps what would end that open.
UNDYING = (
    ANSWERS
    + MOUNT
    + """
system.mount(b"x", b"served", b"fuse", 0, options)
isClosing = threading.Event()

def serve():
    while True:
        _, asked, number = struct.unpack_from("<IIQ", os.read(device, 1 << 18))
        if asked in OPENED:
            answer(device, asked, number)
        elif asked == 25:
            isClosing.set()

threading.Thread(target=serve, daemon=True).start()
file = os.open("served/x", os.O_RDWR)
threading.Thread(target=os.close, args=[file], daemon=True).start()
isClosing.wait()
say(CONTROL, b"nonsense")
"""
)


@contextmanager
def cluster(directory: Path) -> Iterator[tuple[RunningCluster, int]]:
    """
    One where a worker can be made such a one, and its port; at its end nobody is.
    """
    served = directory / "served"
    served.mkdir()
    port = freePort()
    given = ["--workers=2", "--app=hostile.obey", f"--listen=tcp:{port}", *LIMITS]
    env = environmentOf(None)
    try:
        with RunningCluster(
            given, directory, env, program=("-c", SOON + TWISTD)
        ) as running:
            running.waitOnline(2)
            yield running, port
    finally:
        ctypes.CDLL(None).umount2(os.fsencode(served), AWAY)


def test_whoCannotBeKilledIsLeftBehind(tmp_path: Path) -> None:
    """
    It is replaced, others' clients are served, one line tells of it, and neither a stop
    nor the guardian waits for it.
    """
    with cluster(tmp_path) as (running, port):
        left, _ = running.workerPids()
        with doHarm(port, UNDYING):
            running.waitFor("not a message: b'nonsense'")
            assert worstOf(port, 1.5) < 2.0
            running.waitOnline(3)
        assert Path(f"/proc/{left}/task").exists()
        said = f"worker 1 ({left}) cannot be killed, and is left behind after "
        assert running.output().count(said) == 1
        assert left not in running.workerPids()
        begun = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - begun < 3.0
        assert " is gone: " not in running.output()
    eventually(lambda: not Path(f"/proc/{left}").exists(), "it has ended after all")


# What answers nobody who looks for a file that is there, or makes one there.
SILENT = (
    ANSWERS
    + MOUNT
    + """
system.mount(b"x", b"served", b"fuse", 0, options)
made = struct.pack("<QQQQ8x60xII20x", 2, 0, 9, 9, 0o140600, 1)

def serve(mayMake):
    while True:
        _, asked, number = struct.unpack_from("<IIQ", os.read(device, 1 << 18))
        if asked == INIT:
            answer(device, asked, number)
        elif asked == LOOKUP and mayMake:
            os.write(device, struct.pack("<IiQ", 16, -2, number))
        elif asked == 8 and mayMake:
            os.write(device, struct.pack("<IiQ", 16 + len(made), 0, number) + made)

threading.Thread(target=serve, args=[{mayMake}], daemon=True).start()
spec = dict(kind="unix", path="served/s")
tell("Listen", question=10**6, spec=spec, directory=BESIDE)
tell("Unlisten", question=10**6, listener=2)
time.sleep(20)
"""
)


def test_nobodyWaitsForAFileSystemThatDoesNotAnswer(tmp_path: Path) -> None:
    """
    Who listens in one is killed, and named.
    """
    with cluster(tmp_path) as (running, port):
        with doHarm(port, SILENT.replace("{mayMake}", "False")):
            assert worstOf(port, 1.0) < 1.0
            running.waitFor("it listens on unix:served/s, whose file system has not ")
            running.waitOnline(3)
        assert worstOf(port, 0.2) < 1.0
        assert "Traceback" not in running.output()


def test_nobodyWaitsForAFileThatCannotBeRemoved(tmp_path: Path) -> None:
    """
    It stays behind, which the log says.
    """
    with cluster(tmp_path) as (running, port):
        with doHarm(port, SILENT.replace("{mayMake}", "True")):
            running.waitFor("served/s stays behind: its file system does not answer")
            assert worstOf(port, 0.5) < 1.0
        assert "Traceback" not in running.output()
