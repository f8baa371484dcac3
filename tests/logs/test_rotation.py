"""
A log that is rotated only where that can be done.
"""

from __future__ import annotations

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


def test_whatIsGoneIsNotRotated(tmp_path: Path) -> None:
    """
    It is said once as long as it stays so, though it is tried with each line.
    """
    log = RotatingLog("a.log", str(tmp_path), rotateLength=10)
    (tmp_path / "a.log").unlink()
    with logging() as logged:
        for _ in range(5):
            log.write("more than ten bytes\n")
    log.close()
    why = "cannot be looked at: No such file or directory"
    assert logged.texts() == [f"the log is not rotated: {tmp_path}/a.log {why}"]
