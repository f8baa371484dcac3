"""
How many descriptors a process may have.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest
from twisted.internet.selectreactor import SelectReactor

from twisted_cluster.wire import limit
from twisted_cluster.wire.limit import (
    MARGIN,
    mostForWorkers,
    raiseLimit,
)

NOFILE = resource.RLIMIT_NOFILE


@pytest.fixture
def low() -> Iterator[tuple[int, int]]:
    """
    The limits, of which the soft one can be raised.
    """
    soft, hard = resource.getrlimit(NOFILE)
    resource.setrlimit(NOFILE, (512, hard))
    yield 512, hard
    resource.setrlimit(NOFILE, (soft, hard))


def test_itIsRaisedAsFarAsItMay(low: tuple[int, int]) -> None:
    """
    To the hard one.
    """
    raiseLimit(None)
    assert resource.getrlimit(NOFILE) == (low[1], low[1])


def test_selectCannotDoMore(low: tuple[int, int]) -> None:
    """
    It is not raised past what that can wait for; what it is already it stays.
    """
    # Its kind is enough, without descriptors of its own.
    reactor = SelectReactor.__new__(SelectReactor)
    raiseLimit(reactor)
    assert resource.getrlimit(NOFILE) == (min(1024, low[1]), low[1])
    resource.setrlimit(NOFILE, (min(2000, low[1]), low[1]))
    raiseLimit(reactor)
    assert resource.getrlimit(NOFILE) == (min(2000, low[1]), low[1])


@pytest.mark.parametrize("wrong", [ValueError, PermissionError])
def test_whereThatIsRefusedItStays(
    low: tuple[int, int], monkeypatch: pytest.MonkeyPatch, wrong: type[Exception]
) -> None:
    """
    As where fs.nr_open is lower by now.
    """

    def refuse(kind: int, limits: tuple[int, int]) -> None:
        raise wrong("not allowed to raise maximum limit")

    with monkeypatch.context() as patched:
        patched.setattr(resource, "setrlimit", refuse)
        raiseLimit(None)
    assert resource.getrlimit(NOFILE) == low


@pytest.mark.parametrize(
    ("hard", "most"),
    [(64, 48), (1024, 768), (4096, 3072), (1 << 20, (1 << 20) - MARGIN)],
)
def test_workersMayHaveFewer(
    monkeypatch: pytest.MonkeyPatch, hard: int, most: int
) -> None:
    """
    Than the primary, where the system counts what is on its way.
    """
    monkeypatch.setattr(limit, "_isSuperuser", lambda: False)
    monkeypatch.setattr(limit.resource, "getrlimit", lambda kind: (64, hard))
    assert mostForWorkers() == most


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_whereNobodyCountsTheyMayHaveAsMany() -> None:
    """
    A superuser's descriptors are not counted.
    """
    assert mostForWorkers() == 0


def test_aLowerLimitIsForGood() -> None:
    """
    Both are, as far as they are higher; where there was none, too.
    """
    code = (
        "import resource as r; from twisted_cluster.wire.limit import lowerLimit;"
        "r.setrlimit(r.RLIMIT_NOFILE, ({}, 600)); lowerLimit(500);"
        "print(*r.getrlimit(r.RLIMIT_NOFILE))"
    )
    for soft, left in ((400, "400 500"), (600, "500 500")):
        run = [sys.executable, "-c", code.format(soft)]
        assert subprocess.check_output(run, text=True).strip() == left
