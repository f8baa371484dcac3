"""
The shared page.
"""

from __future__ import annotations

import os

import pytest

from twisted_cluster.wire.scoreboard import Scoreboard


def test_bothSeeTheSameCounters() -> None:
    """
    What one mapping writes another reads, each slot its own.
    """
    board = Scoreboard.create(3)
    other = Scoreboard.inherit(os.dup(board.fd))
    board.row(2).taken += 5
    assert [other.row(slot).taken for slot in (1, 2, 3)] == [0, 5, 0]
    other.row(2).clear()
    assert board.row(2).taken == 0
    board.close()
    other.close()


def test_nobodyCanCutItShort() -> None:
    """
    A worker that truncated the page would kill the primary: the kernel refuses.
    """
    board = Scoreboard.create(1)
    with pytest.raises(PermissionError):
        os.ftruncate(board.fd, 0)
    board.close()
