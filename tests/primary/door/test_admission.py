"""
Counting connections, without processes.
"""

from __future__ import annotations

from itertools import count

import pytest

from twisted_cluster.core.addresses import addressOf
from twisted_cluster.events import Limits
from twisted_cluster.primary.door.admission import SECOND, Admission, mostOf
from twisted_cluster.wire.handoff import Handed
from twisted_cluster.wire.scoreboard import Scoreboard
from twisted_cluster.wire.tallies import ADDRESSES, ALL, Tally, cellsOf, talliesFor

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


def test_cellsOfAddressesAreUsedAgain() -> None:
    """
    More addresses than there are cells: those with no connections give theirs back,
    looked at once a second; the limit holds for those that are counted.
    """
    board = Scoreboard.create(1, talliesFor(LIMITS))
    clock = iter(count(0, 1000 * SECOND))
    admission = Admission(LIMITS, lambda: next(clock), None)
    ended = board.tally(1)
    tally = Tally(ended, None)
    admission.tallies.add(tally)
    try:
        open_ = []
        for number in range(ADDRESSES + 10):
            name = (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1)
            connection = admission.register(Handed(-1, 1, name, 0))
            assert connection is not None
            assert connection.tally
            tally.add(connection)
            if number % 2:
                for cell in cellsOf(connection):
                    ended[cell] += 1
            else:
                open_.append(connection)
        first = open_[0]
        assert admission.register(first._replace(tally=0)) is not None
        tally.add(first)
        assert admission.register(first._replace(tally=0)) is None
        assert admission.open(ALL) == len(open_) + 1
        board.clear(1)
        admission.tallies.clear()
        assert admission.register(first._replace(tally=0)) is not None
    finally:
        del ended
        board.close()


def test_aWorkerCannotCountItselfBelowNothing() -> None:
    """
    What it says beyond what it was given is not believed.
    """
    board = Scoreboard.create(1, talliesFor(Limits(worker=1)))
    ended = board.tally(1)
    tally = Tally(ended, 1)
    ended[ALL] = 1 << 63
    tally.add(Handed(-1, 1, "", 0))
    assert tally.open(ALL) == 0
    board.close()


def test_aPortsLimitHoldsForItsInterfaces() -> None:
    """
    C{tcp:80} is also C{tcp:80:interface=127.0.0.1}, unless that has its own.
    """
    limits = Limits(listeners={"tcp:80": 5, "tcp:80:interface=::1": 6})
    assert mostOf(limits, "tcp:80") == 5
    assert mostOf(limits, "tcp:80:interface=127.0.0.1") == 5
    assert mostOf(limits, "tcp:80:interface=::1") == 6
    assert mostOf(limits, "tcp:8080") is None
