"""
Parsers of first bytes: whole, in pieces, followed by more, and of anything at all.
"""

from __future__ import annotations

from collections.abc import Callable
from ssl import PROTOCOL_TLS_CLIENT, MemoryBIO, SSLContext, SSLWantReadError
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers, sampled_from
from twisted.protocols.haproxy._v1parser import V1Parser
from twisted.protocols.haproxy._v2parser import V2Parser

from twisted_cluster.core.http_head import MOST_HEADERS, Head, parseHead
from twisted_cluster.core.peeking import MORE
from twisted_cluster.core.proxy import ProxyHeader, parseProxy
from twisted_cluster.core.tls import ClientHello, parseClientHello
from twisted_cluster.testing import clientHello, httpHead, proxyHeader

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FOUR = SIGNATURE + b"\x21\x11\0\x0c" + bytes([192, 0, 2, 9, 10, 0, 0, 1, 4, 1, 0, 80])
SIX = SIGNATURE + b"\x21\x21\0\x27" + b"\x20\x01" + bytes(13) + b"\x05" + bytes(16)
SIX += b"\x04\x01\0\x50" + b"\x04\0\0"
LOCAL = SIGNATURE + b"\x20\0\0\0"


def _helloFor(protocols: list[str]) -> bytes:
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(protocols)
    out = MemoryBIO()
    try:
        context.wrap_bio(MemoryBIO(), out, server_hostname="b.example").do_handshake()
    except SSLWantReadError:
        pass
    return out.read()


def _inRecords(hello: bytes, size: int) -> bytes:
    body = hello[5:]
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"\x16\x03\x01" + len(p).to_bytes(2, "big") + p for p in parts)


WHOLE: list[tuple[Callable[[bytes], Any], bytes, Any]] = [
    (parseProxy, proxyHeader("192.0.2.1", 7), ProxyHeader("192.0.2.1", 7, 38)),
    (
        parseProxy,
        b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n",
        ProxyHeader("2001:db8::1", 1, 32),
    ),
    (parseProxy, b"PROXY UNKNOWN\r\n", ProxyHeader("", 0, 15)),
    (parseProxy, FOUR, ProxyHeader("192.0.2.9", 1025, 28)),
    (parseProxy, SIX, ProxyHeader("2001::5", 1025, 55)),
    (parseProxy, LOCAL, ProxyHeader("", 0, 16)),
    (parseClientHello, clientHello("A.Example"), ClientHello("a.example", ())),
    (parseClientHello, clientHello(None), ClientHello("", ())),
    (
        parseClientHello,
        _helloFor(["h2", "http/1.1"]),
        ClientHello("b.example", ("h2", "http/1.1")),
    ),
    (parseClientHello, _inRecords(clientHello("c.d"), 100), ClientHello("c.d", ())),
    (
        parseHead,
        b"GET /a?b=c HTTP/1.1\r\nHost: X.org:80\r\nA:  1 \r\n\r\n",
        Head("GET", "/a?b=c", (("host", "X.org:80"), ("a", "1")), "x.org"),
    ),
    (parseHead, b"GET / HTTP/1.0\n\n", Head("GET", "/", (), "")),
    (
        parseHead,
        b"GET http://y.org/z HTTP/1.1\r\n\r\n",
        Head("GET", "http://y.org/z", (), "y.org"),
    ),
]
PARSERS = [parseProxy, parseClientHello, parseHead]


@pytest.mark.parametrize(("parse", "message", "value"), WHOLE)
def test_everyPrefixNeedsMoreAndMoreChangesNothing(
    parse: Callable[[bytes], Any], message: bytes, value: Any
) -> None:
    """
    A message is understood with its last byte, and not before; what follows is not its.
    """
    for end in range(len(message)):
        assert parse(message[:end]) is MORE, message[:end]
    for after in (b"", b"\r\n", b"GET / HTTP/1.1\r\n\r\n", bytes(300)):
        assert parse(message + after) == value


@given(sampled_from(PARSERS), binary(max_size=300))
def test_anythingIsParsed(parse: Callable[[bytes], Any], data: bytes) -> None:
    """
    Without an error; and if it is not MORE, then more makes no difference to a value.
    """
    found = parse(data)
    if found is None:
        assert parse(data + b"x") is None
    elif found is not MORE:
        assert parse(data + b"x") == found


@given(sampled_from(WHOLE), integers(0, 10_000), binary(min_size=1, max_size=3))
def test_brokenMessagesAreParsed(
    case: tuple[Callable[[bytes], Any], bytes, Any], where: int, noise: bytes
) -> None:
    """
    Valid ones with a few bytes changed raise nothing.
    """
    parse, message, _ = case
    at = where % len(message)
    parse(message[:at] + noise + message[at + len(noise) :])


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (parseProxy, b"GET / HTTP/1.1\r\n"),
        (parseProxy, b"PROXY TCP4 300.0.0.1 1.1.1.1 1 1\r\n"),
        (parseProxy, b"PROXY TCP4 1.1.1.1 1.1.1.1 1 70000\r\n"),
        (parseProxy, b"PROXY " + b"x" * 120),
        (parseProxy, SIGNATURE + b"\x31\x11\0\x0c"),
        (parseClientHello, b"GET / HTTP/1.1\r\n"),
        (parseClientHello, b"\x80\x2e\x01\x03\x01"),
        (parseClientHello, b"\x16\x03\x01\xff\xff\x01"),
        (parseHead, b"\x16\x03\x01"),
        (parseHead, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (parseHead, b"GET / HTTP/3"),
        (parseHead, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        (parseHead, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        (parseHead, b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"),
        (parseHead, b"GET / HTTP/1.1\r\nA: \0\r\n\r\n"),
        (parseHead, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (MOST_HEADERS + 1) + b"\r\n"),
        (parseHead, b"x" * 70_000),
        (parseHead, b"GET /" + b"x" * 70_000),
    ],
)
def test_whatIsSomethingElseIsKnownAtOnce(
    parse: Callable[[bytes], Any], data: bytes
) -> None:
    """
    It is not waited for.
    """
    assert parse(data) is None


@pytest.mark.parametrize("message", [FOUR, SIX, proxyHeader("192.0.2.1", 9)])
def test_proxyHeadersAreWhatTwistedTakesThemFor(message: bytes) -> None:
    """
    The worker's own parser finds the same client.
    """
    parser = V2Parser if message.startswith(SIGNATURE) else V1Parser
    info, _ = parser().feed(message)
    found = parseProxy(message)
    assert isinstance(found, ProxyHeader)
    # Twisted spells out IPv6 addresses of version 2.
    assert found.sourcePort == info.source.port
    if ":" not in found.source:
        assert found.source == info.source.host


def test_headsAreAskedForWhatTheyHave() -> None:
    """
    Cookies, queries, headers, hosts and paths, as servers read them.
    """
    head = parseHead(
        httpHead(
            "/a%20b//c?x=1&y=%41+b&x=2",
            "[::1]:80",
            {"Cookie": 'one=1; two="2"; one=3', "X-A": "b", "x-a": "c"},
        )
    )
    assert isinstance(head, Head)
    assert (head.path, head.host) == ("/a b/c", "[::1]")
    assert [head.query(name) for name in "xyz"] == ["1", "A b", ""]
    assert [head.cookie(name) for name in ("one", "two", "x")] == ["1", "2", ""]
    assert head.header("X-A") == "b, c"


@pytest.mark.parametrize(
    "target", ["/a/../b", "/a/%2e%2e/b", "/a/./b", "/a\\b", "/a%00", "/%zz", "/.."]
)
def test_pathsThatAreReadDifferentlyAreNone(target: str) -> None:
    """
    So that nothing gets around a pattern.
    """
    head = parseHead(httpHead(target))
    assert isinstance(head, Head)
    assert head.path == ""
