"""
Facts: what listening calls take, and what addresses say.
"""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.address import IPv6Address

from twisted_cluster.events import TCP, UDP, UNIX, ListenOptions, toAddress


@pytest.mark.parametrize(
    ("kind", "given", "error", "says"),
    [
        (TCP, {"maxConnections": -1}, ValueError, "maxConnections=-1"),
        (TCP, {"maxConnections": "5"}, TypeError, "maxConnections='5'"),
        (TCP, {"maxConnections": True}, TypeError, "maxConnections=True"),
        (TCP, {"dropMaxConnections": 1}, TypeError, "dropMaxConnections"),
        (TCP, {"exclusive": 1}, TypeError, "exclusive"),
        (TCP, {"name": 5}, TypeError, "name"),
        (TCP, {"fd": -1}, ValueError, "fd=-1"),
        (TCP, {"exclusive": True, "name": "a"}, ValueError, "that workers share"),
        (TCP, {"reusePort": True, "fd": 5}, ValueError, "that workers share"),
        (TCP, {"sticky": True}, TypeError, "'sticky' is no option of a tcp port"),
        (UDP, {"maxConnections": 5}, TypeError, "no option of a udp port"),
        (UNIX, {"ipv6Only": True}, TypeError, "no option of a unix port"),
        (UNIX, {"reusePort": True}, TypeError, "no option of a unix port"),
    ],
)
def test_badOptionsAreExplained(
    kind: str, given: dict[str, Any], error: type[Exception], says: str
) -> None:
    """
    Unknown, senseless and contradictory options, wrong types and bad values: each says
    which it is.
    """
    with pytest.raises(error, match=says):
        ListenOptions.forKind(kind, given)


def test_whatIsThisWorkersOwn() -> None:
    """
    Two options keep the primary out of it; with none, nothing is unusual.
    """
    assert ListenOptions(exclusive=True).local
    assert ListenOptions(reusePort=True).local
    assert not ListenOptions(name="a", fd=0, maxConnections=0).local
    assert ListenOptions.forKind(TCP, {}) == ListenOptions()


def test_aScopeHasItsName() -> None:
    """
    A link's own address says which link, as Twisted's ports do; a number if it is gone.
    """
    here = socket.if_nametoindex("lo")
    for scope, name in [(here, "lo"), (99, "99")]:
        assert toAddress(("fe80::1", 80, 0, scope)) == IPv6Address(
            "TCP", f"fe80::1%{name}", 80, 0, scope
        )
