"""
Files in memory.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from types import ModuleType

import pytest

from twisted_cluster.wire import memfd


def test_whatItHoldsIsRead() -> None:
    """
    From its beginning, so much as is wanted.
    """
    fd = memfd.holding(b"hello" * 100_000)
    try:
        assert memfd.read(fd, 1 << 20) == b"hello" * 100_000
        assert memfd.read(fd, 2) == b"he"
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    "change", [lambda fd: os.ftruncate(fd, 1), lambda fd: os.ftruncate(fd, 9000)]
)
@pytest.mark.parametrize(
    "make", [lambda: memfd.holding(b"hello"), lambda: memfd.ofSize(100)]
)
def test_itsSizeStays(make: Callable[[], int], change: Callable[[int], object]) -> None:
    """
    Whoever has it.
    """
    fd = make()
    try:
        with pytest.raises(PermissionError):
            change(fd)
        assert not os.get_inheritable(fd)
    finally:
        os.close(fd)


def test_whatItSaysStays() -> None:
    """
    Nobody can write to it.
    """
    fd = memfd.holding(b"hello")
    try:
        with pytest.raises(PermissionError):
            os.pwrite(fd, b"x", 0)
    finally:
        os.close(fd)


def test_cellsCanBeWritten() -> None:
    """
    Of one that only has a size.
    """
    fd = memfd.ofSize(100)
    try:
        os.pwrite(fd, b"x", 99)
    finally:
        os.close(fd)


@pytest.mark.parametrize("path", ["/dev/zero", "/", "/dev/null", __file__])
def test_otherFilesAreNotRead(path: str) -> None:
    """
    One may never come to its end.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        with pytest.raises(OSError, match="Invalid argument"):
            memfd.read(fd, 10)
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("module", "missing"),
    [(os, "memfd_create"), (os, "MFD_CLOEXEC"), (fcntl, "F_SEAL_SHRINK")],
)
@pytest.mark.parametrize(
    "make", [lambda: memfd.holding(b"hello"), lambda: memfd.ofSize(100)]
)
def test_aSystemMayHaveNone(
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[], int],
    module: ModuleType,
    missing: str,
) -> None:
    """
    As one that refuses them: macOS has neither the files nor the names of their seals.
    """
    monkeypatch.delattr(module, missing)
    with pytest.raises(OSError, match="no files in memory"):
        make()
