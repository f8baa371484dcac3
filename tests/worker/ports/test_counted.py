"""
The ends of connections, which the primary looks at.
"""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.worker.doubles import atOnce
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.page import Page
from twisted_cluster.worker.ports.counted import CountedSocket, Endings

LISTENER, TALLY = 2, 3


@pytest.fixture
def page() -> Iterator[Page]:
    """
    A page with a few tallies.
    """
    made = Page.create(4)
    yield made
    made.close()


def countedSocket(endings: Endings) -> CountedSocket:
    """
    A connection that was handed over.
    """
    one, other = socket.socketpair()
    other.close()
    handed = Handed(one.detach(), LISTENER, "", tally=TALLY)
    made = CountedSocket(fileno=handed.fd)
    made.countWith(endings, handed)
    return made


def closeTwice(one: CountedSocket) -> None:
    """
    Close it, and again.
    """
    one.close()
    one.close()


def detach(one: CountedSocket) -> None:
    """
    Give it away.
    """
    os.close(one.detach())


def forget(one: CountedSocket) -> None:
    """
    Nobody closes it.
    """


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("end", [closeTwice, detach, forget])
def test_endsCountOnce(page: Page, end: Callable[[CountedSocket], None]) -> None:
    """
    Whoever ends it, and if nobody does: once, in each of its cells.
    """
    told: list[bool] = []
    made = countedSocket(Endings(page, lambda: told.append(True), atOnce))
    assert list(page.ended) == [0, 0, 0, 0]
    end(made)
    del made
    gc.collect()
    assert list(page.ended) == [1, 0, 1, 1]
    assert told == [True]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_whatNobodyClosesIsClosed(page: Page) -> None:
    """
    As any socket is: of a factory that fails the client sees the end.
    """
    one, other = socket.socketpair()
    handed = Handed(one.detach(), LISTENER, "")
    made = CountedSocket(fileno=handed.fd)
    made.countWith(Endings(page, lambda: None, atOnce), handed)
    other.settimeout(5.0)
    del made
    gc.collect()
    with other:
        assert other.recv(1) == b""


def test_whatIsNotServedIsClosedAndCounts(page: Page) -> None:
    """
    A connection that no port takes.
    """
    one, other = socket.socketpair()
    endings = Endings(page, lambda: None, atOnce)
    assert endings.counts
    endings.lose(Handed(one.detach(), LISTENER, ""))
    assert list(page.ended) == [1, 0, 1, 0]
    assert other.recv(1) == b""
    other.close()


def test_cellsThatAreNotThereAreNotCounted(page: Page) -> None:
    """
    A primary that counts more than it has made room for does no harm.
    """
    Endings(page, lambda: None, atOnce).count(Handed(-1, 50, "", tally=70_000))
    assert list(page.ended) == [1, 0, 0, 0]


def test_whereNobodyLooksNothingCounts() -> None:
    """
    Nor is anybody told.
    """
    page = Page.create()
    told: list[bool] = []
    endings = Endings(page, lambda: told.append(True), atOnce)
    endings.count(Handed(-1, LISTENER, ""))
    assert not endings.counts
    assert told == []
    page.close()
