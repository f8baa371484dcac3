"""
How many descriptors a worker may have, and what programs get that it starts.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest

from twisted_cluster.wire import limit
from twisted_cluster.worker import descriptors
from twisted_cluster.worker.descriptors import LEAST, SPARE, Descriptors

NOFILE = resource.RLIMIT_NOFILE
SOFT = 2000


@pytest.fixture(autouse=True)
def hard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """
    The hard limit; the soft one is L{SOFT}. No later child of the tests gives it back.
    """
    monkeypatch.setattr(os, "register_at_fork", lambda **_: None)
    before = resource.getrlimit(NOFILE)
    resource.setrlimit(NOFILE, (SOFT, before[1]))
    yield before[1]
    resource.setrlimit(NOFILE, before)


def test_itIsRaisedWhenHalfOfItIsInUse(hard: int) -> None:
    """
    And not before; all the time what could be had is known.
    """
    mine = Descriptors(None)
    mine.makeRoom(SOFT // 2)
    assert (mine.limit, mine.most, mine.isRaised) == (SOFT, hard, False)
    assert mine.forPrograms is None
    mine.makeRoom(SOFT // 2 + 1)
    assert resource.getrlimit(NOFILE) == (hard, hard)
    assert (mine.limit, mine.most, mine.isRaised) == (hard, hard, True)
    assert mine.forPrograms == SOFT


def test_whereFewAreFreeItIsRaisedAtOnce(hard: int) -> None:
    """
    A burst may be that large.
    """
    resource.setrlimit(NOFILE, (SPARE, hard))
    Descriptors(None).makeRoom(5)
    assert resource.getrlimit(NOFILE) == (hard, hard)


def test_whatTheApplicationHasSetStays(hard: int) -> None:
    """
    Programs get what it has set, before it was raised or since.
    """
    mine = Descriptors(None)
    resource.setrlimit(NOFILE, (SOFT - 100, hard))
    mine.makeRoom(SOFT)
    assert mine.forPrograms == SOFT - 100
    resource.setrlimit(NOFILE, (SOFT - 200, hard))
    assert mine.forPrograms is None


def test_whereItIsRefusedItStays(hard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    There is no more then than there is.
    """
    mine = Descriptors(None)
    with monkeypatch.context() as patched:
        patched.setattr(descriptors, "changeLimit", lambda limit: False)
        mine.makeRoom(SOFT)
    assert (mine.limit, mine.most, mine.isRaised) == (SOFT, SOFT, True)
    assert mine.forPrograms is None


def test_aChildThatCannotKnowKeepsTheRaisedOne(
    hard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Such as one in a directory of its own (chroot), where there is no C{/dev}.
    """
    mine = Descriptors(None)
    mine.makeRoom(SOFT)
    monkeypatch.setattr(limit, "DESCRIPTORS", "/nowhere")
    mine._giveBack()
    assert resource.getrlimit(NOFILE) == (hard, hard)


def test_aChildHasTheOldOneIfItCan(hard: int) -> None:
    """
    A copy of this process that has more open than that could not open anything.
    """
    mine = Descriptors(None)
    mine.makeRoom(SOFT)
    used = len(os.listdir("/dev/fd"))
    extra = [os.dup(0) for _ in range(SOFT - LEAST - used)]
    one = os.dup(0)
    mine._giveBack()
    assert resource.getrlimit(NOFILE) == (hard, hard)
    os.close(one)
    os.close(extra.pop())
    mine._giveBack()
    assert resource.getrlimit(NOFILE) == (SOFT, hard)
    for fd in extra:
        os.close(fd)
