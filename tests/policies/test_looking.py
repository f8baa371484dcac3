"""
What policies read in first bytes.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import binary, lists, sampled_from

from twisted_cluster.core.http_head import parseHead
from twisted_cluster.core.proxy import parseProxy
from twisted_cluster.policies import looking
from twisted_cluster.policies.looking import PARSERS, Reading, Seen
from twisted_cluster.testing import clientHello, httpHead, proxyHeader

PROXY, HEAD, HELLO = proxyHeader("192.0.2.1"), httpHead(), clientHello()
pieces = sampled_from([b"", PROXY, HEAD, HELLO, PROXY + HEAD, PROXY[:9], HEAD[:9]])


def test_bytesAreReadOnce(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Enough is asked, then it is chosen: of the same bytes, wherever they lie.
    """
    read = []

    def parse(first: bytes) -> Any:
        read.append(first)
        return parseHead(first)

    monkeypatch.setitem(looking.PARSERS, "host", parse)
    reading = Reading("host")
    assert reading.read(HEAD) is reading.read(bytes(bytearray(HEAD)))
    assert read == [HEAD]
    reading.read(HEAD[:9])
    assert reading.read(HEAD).isWhole
    assert read == [HEAD, HEAD[:9], HEAD]


@given(
    sampled_from(sorted(PARSERS)), sampled_from([True, False]), lists(pieces | binary())
)
def test_whatWasReadBeforeIsNoMatter(by: str, proxy: bool, firsts: list[bytes]) -> None:
    """
    One reading serves many connections, in any order.
    """
    reading = Reading(by, proxy)
    for first in [*firsts, b""]:
        assert reading.read(first) == Reading(by, proxy)._parse(first) or not first


def test_whatIsSeen() -> None:
    """
    The header and what comes after it, as far as they have come.
    """
    header, head = parseProxy(PROXY), parseHead(HEAD)
    reading = Reading("host", True)
    assert reading.read(b"") == Seen(False)
    assert reading.read(PROXY[:-1]) == Seen(False)
    assert reading.read(PROXY) == Seen(False, header)
    assert reading.read(PROXY + HEAD) == Seen(True, header, head)
    assert reading.read(HEAD) == Seen(True, None, head)
    assert reading.read(HELLO) == Seen(True)
    assert Reading("address", True).read(PROXY) == Seen(True, header)
    assert Reading("host").read(PROXY + HEAD) == Seen(True)


def test_whoNeedsToLook() -> None:
    """
    All but who goes by the address of the connection itself.
    """
    assert {by for by in PARSERS if not Reading(by).isNeeded} == {"address"}
    assert Reading("address", True).isNeeded
