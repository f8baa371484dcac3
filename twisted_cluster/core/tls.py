"""
What a TLS client says in the clear before anything else: whom it wants to speak to.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from twisted_cluster.core.peeking import MORE, NeedMore, hostName

# Some times as much as any client sends, keys against quantum computers included (2 KB):
# what has more is there to cost time.
LONGEST_HELLO = 65536
MOST_RECORDS = 64
MOST_EXTENSIONS = 128
MOST_PROTOCOLS = 64

_HANDSHAKE, _CLIENT_HELLO, _MAJOR = 22, 1, 3
_LONGEST_RECORD = 16384
_SERVER_NAME, _PROTOCOLS = 0, 16
_HOST_NAME = 0
_recordHead = Struct(">BBxH")
_extensionHead = Struct(">HH")


class ClientHello(NamedTuple):
    """
    @ivar serverName: The host name that the client wants (SNI), in lower case; empty if
        it named none, or an address, or nothing that a host can be called. Of a client
        that encrypts its hello, the public name of whom it trusts with it.
    @ivar protocols: What it would speak inside (ALPN), best first: C{"h2"}.
    """

    serverName: str
    protocols: tuple[str, ...]


def parseClientHello(first: bytes) -> ClientHello | NeedMore | None:
    """
    Read a hello of TLS 1.0 to 1.3, which may come in several records.

    @param first: What a connection began with.
    @see: RFC 8446, 4.1.2 and 5.1; RFC 6066, 3; RFC 7301
    """
    hello = _gather(first)
    if not isinstance(hello, bytes):
        return hello
    try:
        return _parseHello(hello)
    except ValueError:
        return None


def _gather(first: bytes) -> bytes | NeedMore | None:
    """
    Take the hello out of its records.
    """
    hello, at = bytearray(), 0
    for _ in range(MOST_RECORDS):
        end = _recordEnd(first, at)
        if not isinstance(end, int):
            return end
        hello += first[at + 5 : end]
        whole = _wholeOf(hello)
        if whole is not MORE:
            return whole
        if end > len(first):
            return MORE
        at = end
    return None


def _recordEnd(first: bytes, at: int) -> int | NeedMore | None:
    head = first[at : at + 5]
    if len(head) < 5:
        return MORE if bytes((_HANDSHAKE, _MAJOR)).startswith(head[:2]) else None
    kind, major, length = _recordHead.unpack(head)
    good = kind == _HANDSHAKE and major == _MAJOR and 0 < length <= _LONGEST_RECORD
    return at + 5 + length if good else None


def _wholeOf(hello: bytearray) -> bytes | NeedMore | None:
    """
    @return: The message without its head.
    """
    if hello and hello[0] != _CLIENT_HELLO:
        return None
    end = 4 + int.from_bytes(hello[1:4], "big")
    if len(hello) < 4:
        return MORE
    if end > LONGEST_HELLO:
        return None
    return bytes(hello[4:end]) if len(hello) >= end else MORE


def _parseHello(hello: bytes) -> ClientHello:
    """
    @raise ValueError: If it is malformed.
    """
    at = 34  # a version, and randomness
    session, at = _vector(hello, at, 1)
    ciphers, at = _vector(hello, at, 2)
    compressions, at = _vector(hello, at, 1)
    if hello[0] != _MAJOR or len(session) > 32 or not compressions:
        raise ValueError("no hello of ours")
    if not ciphers or len(ciphers) % 2:
        raise ValueError("half a cipher")
    if at == len(hello):
        return ClientHello("", ())
    extensions = _extensions(_only(hello, at, 2))
    name, protocols = extensions.get(_SERVER_NAME), extensions.get(_PROTOCOLS)
    return ClientHello(
        "" if name is None else _serverName(name),
        () if protocols is None else _protocols(protocols),
    )


def _extensions(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if len(data) - at < 4:
            raise ValueError("half an extension")
        kind, _ = _extensionHead.unpack_from(data, at)
        if kind in found or len(found) == MOST_EXTENSIONS:
            raise ValueError("an extension comes twice, or there are too many")
        found[kind], at = _vector(data, at + 2, 2)
    return found


def _serverName(data: bytes) -> str:
    """
    One name, as all servers read it; what is called a list can have no other.
    """
    names = _only(data, 0, 2)
    if names[:1] != bytes((_HOST_NAME,)):
        raise ValueError("no host name")
    name = hostName(_only(names, 1, 2))
    return "" if name.rpartition(".")[2].isdigit() else name


def _protocols(data: bytes) -> tuple[str, ...]:
    names = _only(data, 0, 2)
    found: list[str] = []
    at = 0
    while at < len(names):
        name, at = _vector(names, at, 1)
        if not name or len(found) == MOST_PROTOCOLS:
            raise ValueError("a protocol without a name, or too many")
        found.append(name.decode("latin-1"))
    if not found:
        raise ValueError("no protocols")
    return tuple(found)


def _only(data: bytes, at: int, width: int) -> bytes:
    """
    @return: The vector that goes from C{at} to the end.
    """
    vector, end = _vector(data, at, width)
    if end != len(data):
        raise ValueError("something follows")
    return vector


def _vector(data: bytes, at: int, width: int) -> tuple[bytes, int]:
    """
    @param width: How many bytes tell the length.
    @return: What is there, and where it ends.
    """
    start = at + width
    end = start + int.from_bytes(data[at:start], "big")
    if start > len(data) or end > len(data):
        raise ValueError("cut off")
    return data[start:end], end
