"""
The page of a worker's life.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.leftovers import openNow
from twisted_cluster.errors import VersionError
from twisted_cluster.wire.page import CELLS, EXACT, HOUR, LARGEST_COUNT, Page
from twisted_cluster.wire.pagefile import CELL

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
