"""
The page of a worker's life.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

import pytest

from tests.leftovers import openNow
from twisted_cluster.errors import VersionError
from twisted_cluster.wire.page import CELL, CELLS, EXACT, HOUR, LARGEST_COUNT, Page

COUNTERS = "heartbeat taken opened closed waiting born counted lost cut".split()
SIZES = {"lag": HOUR, "headroom": EXACT, "cpu": EXACT, "rss": EXACT}


def openDescriptors() -> int:
    return len(openNow())


def test_bothSeeTheSameCounters() -> None:
    """
    What one mapping writes another reads, each counter and each tally by itself.
    """
    page = Page.create(3)
    other = Page.inherit(os.dup(page.fileno()), 3)
    names = [*COUNTERS, *SIZES]
    for value, name in enumerate(names, 1):
        setattr(page, name, value)
    other.ended[2] += 7
    assert [getattr(other, name) for name in names] == list(range(1, len(names) + 1))
    assert list(page.ended) == [0, 0, 7]
    page.close()
    other.close()


def test_nobodyCanChangeItsSizeNorItsSeals() -> None:
    """
    A worker that truncated the page would kill the primary, and one that sealed it
    against writing would blind it: the kernel refuses both.
    """
    page = Page.create()
    for size in (0, 1 << 20):
        with pytest.raises(PermissionError):
            os.ftruncate(page.fileno(), size)
    with pytest.raises(PermissionError):
        fcntl.fcntl(page.fileno(), fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    page.close()


def test_whatIsReadIsBounded() -> None:
    """
    Whatever a worker writes, nobody computes with it beyond what its kind can be.
    """
    page = Page.create()
    for name, most in (*((name, LARGEST_COUNT) for name in COUNTERS), *SIZES.items()):
        setattr(page, name, (1 << 64) - 1)
        assert getattr(page, name) == most
        setattr(page, name, most - 1)
        assert getattr(page, name) == most - 1
    assert float(EXACT - 1) == EXACT - 1
    page.close()


def test_anotherVersionIsNotRead() -> None:
    """
    Cells that may mean something else are an error that says so, and leave nothing open.
    """
    before = openDescriptors()
    page = Page.create()
    os.pwrite(page.fileno(), (77).to_bytes(8, "little"), 0)
    with pytest.raises(VersionError, match="version 77"):
        Page.inherit(os.dup(page.fileno()))
    page.close()
    assert openDescriptors() == before


def test_aFileThatIsTooShortIsNoPage(tmp_path: Path) -> None:
    """
    It is refused, and closed.
    """
    before = openDescriptors()
    short = os.open(tmp_path / "short", os.O_RDWR | os.O_CREAT)
    os.ftruncate(short, CELLS * CELL - 1)
    with pytest.raises(OSError, match="no page"):
        Page.inherit(short)
    assert openDescriptors() == before


@pytest.mark.parametrize("how", ["missing", "refused"])
def test_aNamelessFileWhereThereIsNoMemfd(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where the system has no such files, or a sandbox refuses them, it works all the same.
    """

    def refuse(name: str, flags: int) -> int:
        raise OSError(errno.EPERM, "not here")

    if how == "missing":
        monkeypatch.delattr(os, "memfd_create")
    else:
        monkeypatch.setattr(os, "memfd_create", refuse)
    page = Page.create(1)
    other = Page.inherit(os.dup(page.fileno()), 1)
    page.taken, page.ended[0] = 3, 4
    assert (other.taken, other.ended[0]) == (3, 4)
    assert not os.get_inheritable(page.fileno())
    page.close()
    other.close()


def test_aNamelessFileHasItsRoom(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A full disk refuses it, rather than to kill who writes to it later with SIGBUS.
    """
    monkeypatch.delattr(os, "memfd_create")
    page = Page.create(1 << 14)
    assert os.fstat(page.fileno()).st_blocks * 512 >= 1 << 17
    page.close()
    before = openDescriptors()

    def refuse(fd: int, start: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(OSError, match="no room"):
        Page.create()
    assert openDescriptors() == before


def test_aNamelessFileCanBeMadeShorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    By the worker, as far as the primary is concerned: what is not there is 0.
    """
    monkeypatch.delattr(os, "memfd_create")
    page = Page.create(2)
    page.taken, page.ended[1] = 3, (1 << 64) - 1
    assert (page.taken, page.ended[1], len(page.ended)) == (3, (1 << 64) - 1, 2)
    os.ftruncate(page.fileno(), 12)
    assert (page.taken, page.lost, page.ended[1]) == (0, 0, 0)
    page.waiting = 1
    page.close()
    assert (page.waiting, page.taken, page.ended[1]) == (1, 0, 0)


def test_whatIsSetOnANamelessFileIsNotThePrimarys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A worker may have its own descriptor append, or read whole pages only.
    """
    monkeypatch.delattr(os, "memfd_create")
    before = openDescriptors()
    page = Page.create()
    for flag in (os.O_APPEND, getattr(os, "O_DIRECT", 0)):
        with suppress(OSError):
            fcntl.fcntl(page.fileno(), fcntl.F_SETFL, os.O_RDWR | flag)
        page.waiting = flag
        assert page.waiting == flag
    assert os.fstat(page.fileno()).st_size == CELLS * CELL
    page.close()
    assert openDescriptors() == before


def test_closedTwiceIsClosedOnce() -> None:
    """
    The descriptor's number may be somebody else's by then; what it said stays readable.
    """
    before = openDescriptors()
    page = Page.create(1)
    page.taken, page.ended[0] = 5, 6
    fd = page.fileno()
    page.close()
    assert openDescriptors() == before
    with open(os.devnull) as other:
        assert other.fileno() == fd
        page.close()
        os.fstat(fd)
    assert (page.taken, page.ended[0], page.fileno()) == (5, 6, -1)
