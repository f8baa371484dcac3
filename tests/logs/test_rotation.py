"""
A log that is rotated only where that can be done.
"""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from tests.logged import Logged, logging
from twisted_cluster.logs.rotation import RotatingLog


def test_filesAreRotatedAsTwistedDoes(tmp_path: Path) -> None:
    """
    When they are asked for it, and when they are too long.
    """
    log = RotatingLog("a.log", str(tmp_path), rotateLength=10)
    log.write("one\n")
    log.rotateNow()
    log.write("two, and more\n")
    log.write("three\n")
    log.close()
    texts = [(tmp_path / name).read_text() for name in ("a.log.2", "a.log.1", "a.log")]
    assert texts == ["one\n", "two, and more\n", "three\n"]


def refuse(log: RotatingLog) -> Logged:
    """
    What is said when it is to be rotated, twice.
    """
    with logging() as logged:
        log.rotateNow()
        log.rotateNow()
    return logged


def test_devicesAreNotRenamed(tmp_path: Path) -> None:
    """
    Whoever asks for it is told, each time; what is written goes on.
    """
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    log = RotatingLog.fromFullPath(str(pipe), rotateLength=10)
    logged = refuse(log)
    log.write("x" * 2_000)
    log.close()
    assert logged.texts() == [f"the log is not rotated: {pipe} is no regular file"] * 2
    assert os.listdir(tmp_path) == ["pipe"]
    assert len(os.read(reader, 4_000)) == 2_000
    os.close(reader)


def test_nothingIsRotatedByItsLength() -> None:
    """
    A device has no end.
    """
    log = RotatingLog.fromFullPath(os.devnull, rotateLength=10)
    with logging() as logged:
        for _ in range(5):
            log.write("more than ten bytes\n")
    log.close()
    assert logged.texts() == []
    assert os.path.exists(os.devnull)


def test_aPipeThatNobodyReadsHoldsUpNobody(tmp_path: Path) -> None:
    """
    It is an error at once.
    """
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device"):
        RotatingLog.fromFullPath(str(tmp_path / "pipe"))


def textsIn(path: Path) -> dict[str, str]:
    """
    The files of a folder, and what is in them.
    """
    return {one.name: one.read_text() for one in path.iterdir()}


@pytest.mark.parametrize("isCreated", [False, True])
def test_whatHasBeenMovedIsOpenedAgain(tmp_path: Path, isCreated: bool) -> None:
    """
    As logrotate does it: it renames the file, may make a new one, and tells us.
    """
    log = RotatingLog("a.log", str(tmp_path))
    log.write("one\n")
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    if isCreated:
        (tmp_path / "a.log").touch()
    log.write("two\n")
    with logging() as logged:
        log.rotateNow()
    log.write("three\n")
    log.close()
    assert textsIn(tmp_path) == {"a.log.1": "one\ntwo\n", "a.log": "three\n"}
    assert logged.texts() == []


def test_whatHasBeenCutGoesOnAtItsEnd(tmp_path: Path) -> None:
    """
    As with logrotate's copytruncate; and its length is the new one.
    """
    log = RotatingLog("a.log", str(tmp_path), rotateLength=20)
    log.write("more than ten bytes\n")
    os.truncate(tmp_path / "a.log", 0)
    log.write("two\n")
    log.close()
    assert textsIn(tmp_path) == {"a.log": "two\n"}


def test_twoOfOneFileOverwriteNothing(tmp_path: Path) -> None:
    """
    A second start is a mistake that shall not cost the log of the first.
    """
    first, second = (RotatingLog("a.log", str(tmp_path)) for _ in range(2))
    first.write("one\n")
    second.write("two\n")
    first.write("three\n")
    assert textsIn(tmp_path) == {"a.log": "one\ntwo\nthree\n"}
    first.close()
    second.close()


def test_whatCannotBeOpenedAgainGoesOn(tmp_path: Path) -> None:
    """
    In the file that there was; each who asks is told.
    """
    log = RotatingLog("a.log", str(tmp_path))
    (tmp_path / "a.log").rename(tmp_path / "b.log")
    (tmp_path / "a.log").mkdir()
    logged = refuse(log)
    log.write("one\n")
    log.close()
    assert (tmp_path / "b.log").read_text() == "one\n"
    assert len(logged.texts()) == 2
    assert "has been moved, and cannot be opened again" in logged.texts()[0]


def test_aLineThatWasTornIsEnded(tmp_path: Path) -> None:
    """
    What the disk had no room for does not spoil the line that comes next.
    """

    class Full(io.FileIO):
        def write(self, data: object) -> int:
            assert isinstance(data, bytes)
            if self.tell() >= 5:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data[:5])

    log = RotatingLog("a.log", str(tmp_path))
    real, log._file = log._file, Full(tmp_path / "a.log", "w")
    with pytest.raises(OSError, match="No space"):
        log.write("one and more\n")
    log._file.close()
    log._file = real
    log.write("two\n")
    log.close()
    assert textsIn(tmp_path) == {"a.log": "one a\ntwo\n"}


@pytest.mark.parametrize("broken", ["rename", "open"])
def test_aRotationThatFailsHalfWayLosesNothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """
    What was open is written on, and those that were rotated before stay what they are;
    when it can be done again, it is.
    """

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    log = RotatingLog("a.log", str(tmp_path), rotateLength=10)
    with logging() as logged, monkeypatch.context() as patch:
        if broken == "rename":
            patch.setattr(os, "rename", fail)
        else:
            patch.setattr(RotatingLog, "_openFile", fail)
        for text in ("one, and more\n", "two\n", "three\n"):
            log.write(text)
    log.rotateNow()
    log.write("four\n")
    log.close()
    why = "cannot be renamed, or begun anew: No space left on device"
    assert logged.texts() == [f"the log is not rotated: {tmp_path}/a.log {why}"]
    texts = [(tmp_path / name).read_text() for name in ("a.log.1", "a.log")]
    assert texts == ["one, and more\ntwo\nthree\n", "four\n"]
    assert len(os.listdir(tmp_path)) == 2
