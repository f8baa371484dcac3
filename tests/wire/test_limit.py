"""
How many descriptors a process may have.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest
from twisted.internet.selectreactor import SelectReactor

from twisted_cluster.wire.limit import raiseLimit

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
