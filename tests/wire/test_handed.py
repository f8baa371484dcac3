"""
What is said of a connection that is handed over.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from twisted_cluster.wire import handed as module
from twisted_cluster.wire.handed import (
    METERED,
    RELAYED,
    SEEN,
    Handed,
    packRecord,
    recordIn,
    unpackAll,
)

CONNECTIONS = [
    Handed(5, 1, ("192.0.2.1", 4000)),
    Handed(6, 1, ("192.0.2.1", 4001), tally=70),
    Handed(7, 2, ("255.255.255.255", 65535), bounces=3),
    Handed(8, 1, ("0.0.0.0", 0), flags=METERED),
    Handed(9, (1 << 32) - 1, ("127.0.0.2", 1), 255, 7, METERED | SEEN),
    Handed(10, 1, ("2001:db8::1", 80, 0, 0)),
    Handed(11, 1, ("fe80::1", 80, 0, 3), 1, 2, SEEN),
    Handed(12, 3, ""),
    Handed(13, 3, "", flags=METERED),
    Handed(14, 3, "", flags=RELAYED),
]


@pytest.fixture
def hosts() -> Iterator[dict[int, str]]:
    """
    The addresses that are remembered, at first none.
    """
    module._hosts.clear()
    yield module._hosts
    module._hosts.clear()


@pytest.mark.parametrize("first", [0, 1 << 31])
def test_whatIsPackedIsUnpacked(first: int) -> None:
    """
    Whatever is said of each; their numbers are in a row.
    """
    expected = [
        one._replace(nonce=number) for number, one in enumerate(CONNECTIONS, first)
    ]
    packed = b"".join(packRecord(*one[1:]) for one in expected)
    fds = [one.fd for one in CONNECTIONS]
    assert unpackAll(packed, fds) == expected
    assert all(type(one) is Handed for one in unpackAll(packed, fds))
    for place, one in enumerate(expected):
        assert recordIn(packed, place) == one._replace(fd=-1)


def test_fewAddressesAreRemembered(
    hosts: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Those of whoever has come lately, which are not more than so many.
    """
    monkeypatch.setattr(module, "MOST_HOSTS", 3)
    some = [Handed(5, 1, (f"192.0.2.{number % 7}", 1)) for number in range(50)]
    packed = b"".join(packRecord(*one[1:]) for one in some)
    found = unpackAll(packed, [5] * len(some))
    assert [one.name for one in found] == [one.name for one in some]
    assert 0 < len(hosts) <= 3
