"""
Frames that wait, however the kernel takes them.
"""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis.strategies import binary, integers, lists
from twisted.internet.defer import Deferred

from twisted_cluster.wire.mailroom import SendingRoom, Shared
from twisted_cluster.wire.parcels import AT_ONCE, PIECES, Parcel, Parcels

COST = 100


def parcel(body: bytes, fd: int = -1) -> Parcel:
    pieces = [body[:1], body[1:]]
    return Parcel(pieces, len(body), COST, fd, Deferred())


def joined(parcels: Parcels) -> bytes:
    return b"".join(map(bytes, parcels.batch()[0]))


@given(
    lists(binary(min_size=1, max_size=20), min_size=1, max_size=20),
    lists(integers(1, 50), min_size=1),
)
def test_everyByteIsSentOnceAndInOrder(bodies: list[bytes], takes: list[int]) -> None:
    """
    However many of them the kernel takes at a time; each is done when its last is sent.
    """
    room = SendingRoom(1 << 30)
    parcels = Parcels(room)
    for body in bodies:
        parcels.add(parcel(body))
    sent, done, turn = b"", 0, 0
    while parcels:
        assert parcels.waiting == sum(map(len, bodies)) - len(sent)
        assert room.used == parcels.held == (len(bodies) - done) * COST
        data = joined(parcels)[: takes[turn % len(takes)]]
        turn += 1
        sent += data
        done += len(parcels.sent(len(data)))
        assert len(b"".join(bodies[:done])) <= len(sent)
    assert (sent, done) == (b"".join(bodies), len(bodies))
    assert (room.used, parcels.held, parcels.gone) == (0, 0, len(sent))


def test_aDescriptorGoesFirst() -> None:
    """
    What has one begins a batch of its own; once a byte is sent, so is it.
    """
    parcels = Parcels(SendingRoom(1 << 30))
    fds = [os.dup(0) for _ in range(2)]
    for body, fd in ((b"aa", -1), (b"bb", fds[0]), (b"cc", -1), (b"dd", fds[1])):
        parcels.add(parcel(body, fd))
    assert parcels.descriptors == 2
    batches = []
    while parcels:
        data, given_ = joined(parcels), parcels.batch()[1]
        batches.append((data, len(given_)))
        parcels.sent(len(data))
    assert batches == [(b"aa", 0), (b"bbcc", 1), (b"dd", 1)]
    assert parcels.descriptors == 0


def test_aBatchIsBounded() -> None:
    """
    By pieces, and by bytes.
    """
    parcels = Parcels(SendingRoom(1 << 30))
    for _ in range(2 * PIECES):
        parcels.add(parcel(b"xx"))
    assert len(parcels.batch()[0]) == 2 * PIECES
    parcels = Parcels(SendingRoom(1 << 30))
    for _ in range(4):
        parcels.add(parcel(bytes(AT_ONCE)))
    assert len(joined(parcels)) == 2 * AT_ONCE


def test_oneLongMessageHasItsOwnRoom() -> None:
    """
    As long as it waits; others have theirs meanwhile.
    """
    room = SendingRoom(2 * COST, 2)
    for end in ("sent", "clear"):
        parcels = Parcels(room)
        long = Parcel([b"abc"], 3, COST + 1, -1, Deferred())
        assert room.refusal(0, long.cost) == ""
        parcels.add(long)
        parcels.add(parcel(b"x"))
        assert (room.hasLong, room.used) == (True, COST)
        assert "as long as this" in room.refusal(0, COST + 1)
        assert room.refusal(0, COST) == ""
        assert "100 bytes wait" in room.refusal(COST, 1)
        parcels.sent(4) if end == "sent" else parcels.clear()
        assert (room.hasLong, room.used, parcels.held) == (False, 0, 0)
    room.used = 2 * COST
    assert "all processes" in room.refusal(0, 1)


def test_whatWaitsForSeveralCountsOnce() -> None:
    """
    As long as it waits for one of them; for each it is a part of what waits.
    """
    room = SendingRoom(10 * COST, 2)
    for size, used, isLong in ((COST, COST, False), (6 * COST, 0, True)):
        shared = Shared(size)
        ends = [Parcels(room) for _ in range(2)]
        for end in ends:
            assert room.refusal(end.held, 1, shared) == ""
            end.add(Parcel([b"ab"], 2, 1, -1, Deferred(), shared))
            assert end.held == used + 1
        assert (room.used, room.hasLong) == (used + 2, isLong)
        assert bool(room.refusal(0, 1, Shared(6 * COST))) == isLong
        ends[0].sent(2)
        assert (room.used, room.hasLong, ends[0].held) == (used + 1, isLong, 0)
        ends[1].clear()
        assert (room.used, room.hasLong, ends[1].held) == (0, False, 0)
    room.used = 9 * COST
    assert "100 bytes wait" in room.refusal(COST, 1, Shared(4 * COST))
    assert "all processes" in room.refusal(0, 1, Shared(COST))
    assert room.refusal(0, 1, Shared(COST, 1)) == ""


def test_whoSendsToSeveralIsToldOnce() -> None:
    """
    When it waits for none of them any more, whatever became of them: it may be under way
    to one, and wait whole for another, that is forgotten.
    """
    room = SendingRoom(1 << 30)
    shared = Shared(3)
    assert shared.whenGone().called
    one = Parcel((b"abc",), 3, COST, shared=shared)
    ends = [Parcels(room) for _ in range(3)]
    for end, begun in zip(ends, (2, 0, 0)):
        end.add(one, begun)
    gone = shared.whenGone()
    assert [joined(end) for end in ends] == [b"c", b"abc", b"abc"]
    assert [end.waiting for end in ends] == [1, 3, 3]
    assert ends[0].sent(1) == ends[1].sent(2) == []
    assert ends[2].clear() == ([], [])
    assert joined(ends[1]) == b"c"
    assert ends[1].sent(1) == [gone]
    assert (room.used, [end.waiting for end in ends]) == (0, [0, 0, 0])


def test_whatIsForgottenIsLetGoOf() -> None:
    """
    Half sent or not, with its descriptors.
    """
    taken: list[Deferred[None]] = [Deferred(), Deferred()]
    parcels = Parcels(SendingRoom(1 << 30))
    parcels.add(Parcel([b"abc"], 3, COST, -1, taken[0]))
    parcels.add(Parcel([b"def"], 3, COST, os.dup(0), taken[1]))
    parcels.sent(1)
    assert joined(parcels) == b"bc"
    assert parcels.clear() == (taken, [])
    assert (bool(parcels), parcels.waiting, parcels.descriptors) == (False, 0, 0)
