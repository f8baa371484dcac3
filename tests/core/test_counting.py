"""
Counting connections, without processes.
"""

from __future__ import annotations

from itertools import count

import pytest
from attrs import frozen

from twisted_cluster.core.addresses import addressOf
from twisted_cluster.core.counting import (
    ADDRESSES,
    ALL,
    LISTENERS,
    SECOND,
    Credit,
    Places,
    Tally,
    cellsOf,
    mostOf,
    talliesFor,
)
from twisted_cluster.events import Limits

LIMITS = Limits(address=2)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (("192.0.2.1", 80), "192.0.2.1"),
        (("2001:db8::1:2:3:4", 80, 0, 0), "2001:db8::"),
        (("fe80::1%eth0", 80, 0, 2), "fe80::"),
        (("::ffff:192.0.2.1", 80, 0, 0), "192.0.2.1"),
    ],
)
def test_whatOneAddressIs(name: tuple[str, int], address: str) -> None:
    """
    Of IPv6 a /64; an IPv4 client of an IPv6 port is the same client.
    """
    assert addressOf(name) == address


@frozen
class Worker:
    """
    What a worker says that it has ended.
    """

    ended: list[int]
    accepted: int = 0

    def acceptedBy(self, listener: int) -> int:
        return self.accepted


@frozen
class Connection:
    """
    What counts.
    """

    listener: int = 1
    tally: int = 0


def test_cellsOfAddressesAreUsedAgain() -> None:
    """
    More addresses than there are cells: those with no connections give theirs back,
    looked at once a second; the limit holds for those that are counted.
    """
    ended = [0] * talliesFor(LIMITS)
    tally = Tally(Worker(ended), None)
    places = Places(LIMITS)
    places.tallies[1] = tally
    clock = count(0, 1000 * SECOND)
    open_ = []
    for number in range(ADDRESSES + 10):
        cell = places.cellOf(f"address {number}", next(clock))
        assert cell is not None
        connection = Connection(tally=cell)
        tally.add(connection)
        if number % 2:
            for each in cellsOf(connection):
                ended[each] += 1
        else:
            open_.append(connection)
    assert not places.isCrowded("address 0", 0)
    assert places.isCrowded("address 0", 1)
    tally.add(open_[0])
    assert places.isCrowded("address 0", 0)
    assert places.open(ALL) == len(open_) + 1
    places.tallies.clear()
    assert not places.isCrowded("address 0", 0)


def test_addressesAreSweptOnceASecond() -> None:
    """
    Until then more addresses than there are cells are not counted.
    """
    places = Places(LIMITS)
    for number in range(ADDRESSES):
        assert places.cellOf(f"address {number}", 0) is not None
    assert places.cellOf("one more", 0) is not None
    for number in range(ADDRESSES - 1):
        places.cellOf(f"other {number}", 0)
    assert places.cellOf("too many", SECOND - 1) is None
    assert places.cellOf("too many", SECOND) is not None


def test_aWorkerCannotCountItselfBelowNothing() -> None:
    """
    What it says beyond what it was given is not believed.
    """
    ended = [0] * talliesFor(Limits(worker=1))
    tally = Tally(Worker(ended), 1)
    ended[ALL] = 1 << 63
    tally.add(Connection())
    assert tally.open(ALL) == 0
    assert not tally.isFull


def test_whatIsTakenBackIsNotCounted() -> None:
    """
    Nor where the worker counts what it has ended of the rest.
    """
    ended = [0] * talliesFor(Limits(worker=2))
    tally = Tally(Worker(ended), 2)
    for _ in range(2):
        tally.add(Connection())
    assert tally.isFull
    tally.remove(Connection())
    assert (tally.open(ALL), tally.open(1)) == (1, 1)
    ended[ALL] += 1
    assert tally.open(ALL) == 0


def test_aListenersLimitIsOfAllWorkers() -> None:
    """
    With those that wait; a port beyond those that are counted has none.
    """
    limits = Limits(listeners={"tcp:80": 3})
    places = Places(limits)
    for id in (1, 2):
        places.tallies[id] = Tally(Worker([0] * talliesFor(limits)), None)
        places.tallies[id].add(Connection())
    assert not places.isFull(1, 3, 0)
    assert places.isFull(1, 3, 1)
    assert not places.isFull(2, 3, 1)
    assert not places.isFull(LISTENERS, 0, 1)
    assert not places.isFull(1, None, 1000)


def test_aCreditIsSpent() -> None:
    """
    None is any number, 0 is none.
    """
    assert not Credit(None, 1000).isSpent
    assert Credit(0).isSpent
    credit = Credit(2, 1)
    assert not credit.isSpent
    credit.handed += 1
    assert credit.isSpent


def test_aPortsLimitHoldsForItsInterfaces() -> None:
    """
    C{tcp:80} is also C{tcp:80:interface=127.0.0.1}, unless that has its own.
    """
    limits = Limits(listeners={"tcp:80": 5, "tcp:80:interface=::1": 6})
    assert mostOf(limits, "tcp:80") == 5
    assert mostOf(limits, "tcp:80:interface=127.0.0.1") == 5
    assert mostOf(limits, "tcp:80:interface=::1") == 6
    assert mostOf(limits, "tcp:8080") is None


def test_whatItAcceptsItselfCountsAsWell() -> None:
    """
    Where it does.
    """
    worker = Worker([0] * talliesFor(Limits(worker=2)), 2)
    tally = Tally(worker, 2)
    assert not tally.isFull
    tally.accepts = True
    assert tally.isFull
    worker.ended[ALL] = 1
    assert (tally.isFull, tally.lie) == (False, "")
    worker.ended[ALL] = 3
    assert "ended 3 connections of 2" in tally.lie
