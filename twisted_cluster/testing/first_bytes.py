"""
First bytes for tests: what well-behaved clients send.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping

HEADERS: Mapping[str, str] = {}


def httpHead(
    target: str = "/",
    host: str = "example.com",
    headers: Mapping[str, str] = HEADERS,
    method: str = "GET",
) -> bytes:
    """
    The head of an HTTP/1.1 request.

    @param target: Path and query.
    @param headers: Beyond C{Host}, by name.
    """
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def clientHello(serverName: str | None = "example.com") -> bytes:
    """
    The TLS record that OpenSSL begins with.

    @param serverName: The name it asks for (SNI); L{None} asks for none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    sent = ssl.MemoryBIO()
    connection = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=serverName)
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return sent.read()


def proxyHeader(source: str, sourcePort: int = 49152) -> bytes:
    """
    What a load balancer that speaks the PROXY protocol, version 1, says first.

    @param source: The numeric address of its client.
    @see: U{https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt}
    """
    kind, own = ("TCP6", "2001:db8::80") if ":" in source else ("TCP4", "192.0.2.80")
    return f"PROXY {kind} {source} {own} {sourcePort} 80\r\n".encode("ascii")
