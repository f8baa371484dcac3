"""
The PROXY protocol: in front of a connection, the address of whom it is relayed for.

@see: U{https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt}
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import NamedTuple

from twisted_cluster.core.peeking import MORE, NeedMore

# With the line's end.
LONGEST_TEXT = 107
# With its first 16 bytes. The format itself allows 65551, of which nobody has need.
LONGEST_BINARY = 16384

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_head = Struct(">12sBBH")
_ports = Struct(">HH")

_PORT = rb"(0|[1-9][0-9]{0,4})"
_tcp4 = re.compile(rb"PROXY TCP4 ([0-9.]+) ([0-9.]+) %b %b" % (_PORT, _PORT))
_HEXES = rb"([0-9A-Fa-f:.]+)"
_tcp6 = re.compile(rb"PROXY TCP6 %b %b %b %b" % (_HEXES, _HEXES, _PORT, _PORT))
_begunText = re.compile(
    rb"PROXY (?:UNKNOWN(?:\r| .*)?"
    rb"|TCP[46] [0-9A-Fa-f:.]*(?: [0-9A-Fa-f:.]*(?: [0-9]{0,5}(?: [0-9]{0,5}\r?)?)?)?)",
    re.DOTALL,
)
_STARTS = (b"PROXY UNKNOWN", b"PROXY TCP4 ", b"PROXY TCP6 ")

_LOCAL, _PROXY = 0x20, 0x21
# How many bytes the two addresses have, with their ports.
_UNKNOWN, _INET, _INET6, _UNIX = 0, 1, 2, 3
_SIZES = {_UNKNOWN: 0, _INET: 12, _INET6: 36, _UNIX: 216}


class ProxyHeader(NamedTuple):
    """
    @ivar source: The client's address in its usual text form; empty if it is unknown,
        or no IP address, or if the sender speaks for itself (a health check).
    @ivar sourcePort: 0 to 65535; 0 if unknown.
    @ivar length: How many bytes the header has; what follows is what the client sent.
    """

    source: str
    sourcePort: int
    length: int


def parseProxy(first: bytes) -> ProxyHeader | NeedMore | None:
    """
    Read a header of version 1, which is text, or 2, which is binary.

    @param first: What a connection began with.
    """
    if first.startswith(b"P"):
        return _parseText(first)
    if first.startswith(_SIGNATURE):
        return _parseBinary(first)
    return MORE if _SIGNATURE.startswith(first) else None


def _parseText(first: bytes) -> ProxyHeader | NeedMore | None:
    end = first.find(b"\r\n", 0, LONGEST_TEXT)
    if end >= 0:
        return _parseLine(first[:end])
    if len(first) >= LONGEST_TEXT:
        return None
    begun = _begunText.fullmatch(first) or any(s.startswith(first) for s in _STARTS)
    return MORE if begun else None


def _parseLine(line: bytes) -> ProxyHeader | None:
    length = len(line) + 2
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return ProxyHeader("", 0, length)
    parts = _tcp4.fullmatch(line) or _tcp6.fullmatch(line)
    if parts is None:
        return None
    source, target, port, targetPort = parts.groups()
    parse = IPv4Address if parts.re is _tcp4 else IPv6Address
    try:
        host = parse(source.decode("ascii"))
        parse(target.decode("ascii"))
    except ValueError:
        return None
    if int(port) > 65535 or int(targetPort) > 65535:
        return None
    return ProxyHeader(_textOf(host), int(port), length)


def _parseBinary(first: bytes) -> ProxyHeader | NeedMore | None:
    if len(first) < _head.size:
        return MORE
    _, command, kind, size = _head.unpack_from(first)
    length = _head.size + size
    family, transport = kind >> 4, kind & 15
    if command not in (_LOCAL, _PROXY) or length > LONGEST_BINARY:
        return None
    if command == _PROXY and (
        family not in _SIZES or transport > 2 or size < _SIZES[family]
    ):
        return None
    if len(first) < length:
        return MORE
    if command == _LOCAL or not transport or family not in (_INET, _INET6):
        return ProxyHeader("", 0, length)
    return _addressOf(first, family, length)


def _addressOf(first: bytes, family: int, length: int) -> ProxyHeader:
    width = 4 if family == _INET else 16
    start = _head.size
    host = (IPv4Address if family == _INET else IPv6Address)(first[start : start + width])
    port, _ = _ports.unpack_from(first, start + 2 * width)
    return ProxyHeader(_textOf(host), port, length)


def _textOf(host: IPv4Address | IPv6Address) -> str:
    """
    As C{accept} writes it.
    """
    mapped = host.ipv4_mapped if isinstance(host, IPv6Address) else None
    return f"::ffff:{mapped}" if mapped else str(host)
