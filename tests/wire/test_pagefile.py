"""
The file of a page.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress

import pytest

from tests.leftovers import openNow
from twisted_cluster.wire.pagefile import CELL, PageFile


def test_nobodyCanChangeItsSizeNorItsSeals() -> None:
    """
    A worker that truncated the page would kill the primary, and one that sealed it
    against writing would blind it: the kernel refuses both.
    """
    page = PageFile.create(1, 0)
    for size in (0, 1 << 20):
        with pytest.raises(PermissionError):
            os.ftruncate(page.fileno(), size)
    with pytest.raises(PermissionError):
        fcntl.fcntl(page.fileno(), fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    page.close()


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
    page = PageFile.create(1, 1)
    other = PageFile(os.dup(page.fileno()), 1, 1)
    page.first[0], page.second[0] = 3, 4
    assert (other.first[0], other.second[0]) == (3, 4)
    assert not os.get_inheritable(page.fileno())
    page.close()
    other.close()


def test_aNamelessFileHasItsRoom(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A full disk refuses it, rather than to kill who writes to it later with SIGBUS.
    """
    monkeypatch.delattr(os, "memfd_create")
    page = PageFile.create(0, 1 << 14)
    assert os.fstat(page.fileno()).st_blocks * 512 >= 1 << 17
    page.close()
    before = openNow()

    def refuse(fd: int, start: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(OSError, match="no room"):
        PageFile.create(1, 0)
    assert openNow() == before


def test_aNamelessFileCanBeMadeShorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    By the worker, as far as the primary is concerned: what is not there is 0.
    """
    monkeypatch.delattr(os, "memfd_create")
    page = PageFile.create(3, 2)
    first, second = page.first, page.second
    first[2], second[1] = 3, (1 << 64) - 1
    assert (first[2], second[1], len(second)) == (3, (1 << 64) - 1, 2)
    os.ftruncate(page.fileno(), 12)
    assert (first[2], first[1], second[1]) == (0, 0, 0)
    first[0] = 1
    page.keep()
    page.close()
    assert [*page.first, *page.second] == [1, 0, 0, 0, 0]


def test_whatIsSetOnANamelessFileIsNotThePrimarys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A worker may have its own descriptor append, or read whole pages only.
    """
    monkeypatch.delattr(os, "memfd_create")
    before = openNow()
    page = PageFile.create(4, 0)
    for flag in (os.O_APPEND, getattr(os, "O_DIRECT", 0)):
        with suppress(OSError):
            fcntl.fcntl(page.fileno(), fcntl.F_SETFL, os.O_RDWR | flag)
        page.first[0] = flag
        assert page.first[0] == flag
    assert os.fstat(page.fileno()).st_size == 4 * CELL
    page.close()
    assert openNow() == before
