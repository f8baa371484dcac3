"""
The wires of one worker.
"""

from __future__ import annotations

import gc
import os
import socket

import pytest

from tests.leftovers import openNow
from twisted_cluster.primary.lives import wires as module
from twisted_cluster.primary.lives.wires import Wires, firstGap
from twisted_cluster.wire.descriptors import WIRES


def openDescriptors() -> set[str]:
    # What others have left is not to go meanwhile.
    gc.collect()
    return set(openNow())


def test_madeAndCutAsOne() -> None:
    """
    After the cut nothing is left; a second one changes nothing.
    """
    before = openDescriptors()
    wires = Wires.make(0)
    wires.given()
    wires.cut()
    wires.cut()
    assert openDescriptors() == before


def test_nothingIsLeftWhenOneCannotBeMade(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The system has no room for the third of them.
    """
    before = openDescriptors()

    def refuse() -> tuple[socket.socket, socket.socket]:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(module.Mail, "pair", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        Wires.make(0)
    assert openDescriptors() == before


def test_childHasAllOfThem() -> None:
    """
    One after the other, from the number that it is told.
    """
    wires = Wires.make(2)
    try:
        given = wires.childFDs(7)
        assert sorted(given) == [7 + wire for wire in WIRES]
        assert len(set(given.values())) == len(WIRES)
        for fd in given.values():
            os.fstat(fd)
    finally:
        wires.given()
        wires.cut()


def test_wiresTakeTheLowestNumbersThatAreFree() -> None:
    """
    What a launcher has opened keeps its own, and may have any.
    """
    assert firstGap([0, 1, 2]) == 3
    assert firstGap([0, 1, 2, 251]) == 3
    assert firstGap([0, 1, 2, 3, 7]) == 8
    assert firstGap([0, 1, 2, 3 + len(WIRES)]) == 3
