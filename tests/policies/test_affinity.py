"""
Whose a key is, and stays.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers, ip_addresses, sets

from tests.policies.making import numbered, replaced, without
from twisted_cluster.policies.affinity import Affinity, clientKey
from twisted_cluster.policies.rendezvous import digest, owner

KEYS = [digest(b"key %d" % number) for number in range(300)]
some = sets(integers(1, 64), min_size=2, max_size=12)


def owners(numbers: set[int], keys: list[int] = KEYS) -> list[int]:
    """
    Who has which key.
    """
    ready = numbered(numbers)
    return [owner(key, ready).number for key in keys]


@given(some, integers(1, 64))
def test_onlyWhoLosesTheOwnerMoves(numbers: set[int], other: int) -> None:
    """
    When a worker leaves, its keys move and no others; when one joins, the keys that move
    are those that move to it.
    """
    before, after = owners(numbers - {other} or {65}), owners(numbers | {other})
    assert all(new in (old, other) for old, new in zip(before, after))


@pytest.mark.parametrize("workers", [2, 3, 8, 64])
def test_keysAreSpread(workers: int) -> None:
    """
    Everybody has about the same share: within 20 % of 500 keys each.
    """
    keys = [digest(b"%d" % number) for number in range(500 * workers)]
    shares = Counter(owners(set(range(1, workers + 1)), keys))
    assert len(shares) == workers
    assert all(400 < share < 600 for share in shares.values())


@pytest.mark.parametrize("leaver", [1, 5, 8])
def test_whatOneLeavesIsSpread(leaver: int) -> None:
    """
    The keys of one that leaves go to all others alike.
    """
    keys = [digest(b"%d" % number) for number in range(8000)]
    everyone = set(range(1, 9))
    before, after = owners(everyone, keys), owners(everyone - {leaver}, keys)
    moved = Counter(new for old, new in zip(before, after) if old == leaver)
    assert set(moved) == everyone - {leaver}
    assert all(90 < share < 200 for share in moved.values())


@given(some, sets(integers(1, 64)))
def test_whatIsRememberedStays(numbers: set[int], more: set[int]) -> None:
    """
    A key's worker has it still when others have joined, or left.
    """
    affinity, ready = Affinity(1000), numbered(numbers)
    before = [affinity.of(key, ready) for key in KEYS]
    assert [affinity.of(key, numbered(numbers | more)) for key in KEYS] == before
    gone = ready[0].number
    after = [affinity.of(key, without(ready, gone)) for key in KEYS]
    assert all(old == new for old, new in zip(before, after) if old.number != gone)


@given(some)
def test_aReplacementBeginsAnew(numbers: set[int]) -> None:
    """
    The keys of a worker that has died stay where they went.
    """
    affinity, ready = Affinity(1000), numbered(numbers)
    gone = ready[0].number
    for key in KEYS:
        affinity.of(key, ready)
    spread = [affinity.of(key, without(ready, gone)) for key in KEYS]
    assert [affinity.of(key, replaced(ready, gone)) for key in KEYS] == spread


def test_theUnusedAreForgotten() -> None:
    """
    There is a bound; what was asked for or kept last stays.
    """
    affinity, ready = Affinity(2), numbered([1, 2, 3])
    affinity.keep(7, ready[0])
    affinity.keep(8, ready[1])
    assert affinity.recall(7, ready) == ready[0]
    affinity.keep(9, ready[2])
    assert [affinity.recall(key, ready) for key in (7, 8, 9)] == [
        ready[0],
        None,
        ready[2],
    ]
    affinity.keep(7, ready[1])
    affinity.keep(10, ready[0])
    assert len(affinity) == 2
    assert affinity.recall(7, ready) == ready[1]
    assert affinity.recall(9, ready) is None


@given(binary())
def test_aDigestHas64Bits(key: bytes) -> None:
    """
    However long the key is.
    """
    assert 0 <= digest(key) < 1 << 64
    assert digest(key) != digest(key + b"\0")


@given(ip_addresses(v=4))
def test_oneIPv4AddressIsOneClient(address: object) -> None:
    """
    Also where it is written as an IPv6 one.
    """
    key = clientKey(str(address))
    assert key is not None
    assert clientKey(f"::ffff:{address}", 24, 0) == clientKey(str(address), 24)
    assert clientKey(f"::ffff:{address}") == key


def test_prefixesAreClients() -> None:
    """
    By default an IPv4 address, and a /64 of IPv6, whatever its zone.
    """
    same = [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", (32, 64)),
        ("fe80::1%eth0", "fe80::2", (32, 64)),
        ("192.0.2.1", "192.0.2.200", (24, 64)),
        ("192.0.2.1", "203.0.113.9", (0, 64)),
        ("2001:db8::1", "::1", (32, 0)),
    ]
    for one, other, bits in same:
        assert clientKey(one, *bits) == clientKey(other, *bits) is not None
    different = [
        ("192.0.2.1", "192.0.2.2", (32, 64)),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", (32, 64)),
        ("2001:db8::1", "2001:db8::2", (32, 128)),
        ("192.0.2.1", "192.0.3.1", (24, 64)),
        ("0.0.0.1", "::1", (32, 128)),
        ("0.0.0.0", "::", (0, 0)),
    ]
    for one, other, bits in different:
        assert clientKey(one, *bits) != clientKey(other, *bits)


def test_whatIsNoAddressIsNoClient() -> None:
    """
    Such as the peer of a UNIX socket.
    """
    for text in ("", "localhost", "1.2.3", "/run/x.sock", "%"):
        assert clientKey(text) is None
