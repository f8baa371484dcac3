"""
The head of an HTTP/1 request: what is asked for, and of whom.

It is read as a strict server reads it, and what servers read differently is no head at
all, so that nobody is sent to a worker that then sees another request than we did. It
says where the first request of a connection goes; those that follow on the connection
go the same way.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from twisted_cluster.core.peeking import MORE, NeedMore, hostName

# No less than servers accept; who sends more is for the worker to answer.
LONGEST_HEAD = 65536
LONGEST_METHOD = 32
MOST_HEADERS = 100
# Of a query, or of cookies; what follows is not looked at.
MOST_PARTS = 200

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_METHOD = f"{_TOKEN}{{1,{LONGEST_METHOD}}}"
_TARGET = r"[!\"$-~\x80-\xff]+"  # all that is visible, but no fragment
_VERSIONS = (b"HTTP/1.1\r", b"HTTP/1.0\r")
_requestLine = re.compile(
    rf"(?:\r?\n)?({_METHOD}) ({_TARGET}) HTTP/1\.[01]\r?\n".encode("latin-1")
)
_begun = re.compile(
    rf"(?:\r?\n)?(?:{_METHOD}(?: (?:{_TARGET}(?: (?P<version>.*))?)?)?)?|\r".encode(
        "latin-1"
    ),
    re.DOTALL,
)
_header = re.compile(rf"^({_TOKEN}+):([\t -~\x80-\xff]*)\r?\n", re.MULTILINE)
_absolute = re.compile(r"https?://([^/?]+)(.*)", re.IGNORECASE)
_authority = re.compile(r"([^:\[\]]*|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")

_notAnEscape = re.compile(r"%(?![0-9A-Fa-f]{2})")
_unclear = re.compile(r"[\x00-\x1f\x7f\\]|(?:\A|/)\.{1,2}(?:/|\Z)")
_slashes = re.compile("//+")


class Head(NamedTuple):
    """
    @ivar method: As it came: C{"GET"}.
    @ivar target: As it came: C{"/a%20b?c=d"}. This and the values of headers are decoded
        as Latin-1, so that no byte is lost.
    @ivar headers: Pairs of name, in lower case, and value, at most L{MOST_HEADERS}.
    @ivar host: Whom the client asks: a host name in lower case, or an IP address, IPv6
        in brackets; no port. Empty if it does not say.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    host: str

    @property
    def path(self) -> str:
        """
        What is asked for, without the query, percent-decoded as UTF-8 (what is none
        becomes U+FFFD), several slashes together being one. An encoded slash is a slash.
        C{"*"} is the server as a whole.

        Empty if there is no path, or none that all read alike: with C{.} or C{..}
        between slashes, encoded or not, with a backslash or a control character, or
        with a percent sign that begins no escape.
        """
        path = _originForm(self.method, self.target).partition("?")[0]
        if "%" in path and _notAnEscape.search(path):
            return ""
        decoded = _unquoted(path)
        return "" if _unclear.search(decoded) else _slashes.sub("/", decoded)

    def query(self, name: str) -> str:
        """
        @return: The first value of this name, decoded as a form's; empty if there is
            none.
        """
        query = self.target.partition("?")[2].replace("+", " ")
        for part in query.split("&", MOST_PARTS)[:MOST_PARTS]:
            key, _, value = part.partition("=")
            if _unquoted(key) == name:
                return _unquoted(value)
        return ""

    def cookie(self, name: str) -> str:
        """
        @return: The value of the first cookie of this name, without quotes around it;
            empty if there is none.
        @see: RFC 6265, 4.2
        """
        cookies = "; ".join(value for key, value in self.headers if key == "cookie")
        for part in cookies.split(";", MOST_PARTS)[:MOST_PARTS]:
            key, _, value = part.partition("=")
            if key.strip(" \t") == name:
                value = value.strip(" \t")
                quoted = len(value) > 1 and value[0] == value[-1] == '"'
                return value[1:-1] if quoted else value
        return ""

    def header(self, name: str) -> str:
        """
        @param name: In any case.
        @return: The values of this name, by commas; empty if there is none.
        """
        name = name.lower()
        return ", ".join(value for key, value in self.headers if key == name)


def parseHead(first: bytes) -> Head | NeedMore | None:
    """
    Read the head of an HTTP/1.0 or 1.1 request, up to the empty line.

    Lines end with CRLF, or all with LF. No head at all, though some servers take them:
    a header that goes on in the next line, space before a colon, two hosts, or a host
    that is no name.

    @param first: What a connection began with.
    @see: RFC 9112, 2.2, 3 and 5
    """
    line = _requestLine.match(first)
    if line is None:
        return MORE if _mayBeginLine(first) else None
    start = line.end()
    end = _endOf(first, start)
    if end < 0:
        return MORE if len(first) < LONGEST_HEAD else None
    if first.count(b"\r\n", 0, end) not in (0, first.count(b"\n", 0, end)):
        return None
    headers = _headersOf(first[start:end].decode("latin-1"))
    if headers is None:
        return None
    method, target = line.groups()
    return _headOf(method.decode("ascii"), target.decode("latin-1"), headers)


def _mayBeginLine(first: bytes) -> bool:
    begun = _begun.fullmatch(first, 0, LONGEST_HEAD)
    if begun is None or len(first) >= LONGEST_HEAD:
        return False
    version = begun["version"] or b""
    return any(known.startswith(version) for known in _VERSIONS)


def _endOf(first: bytes, start: int) -> int:
    """
    @return: Where the empty line is, or -1.
    """
    ends = (
        first.find(b"\n\r\n", start - 1, LONGEST_HEAD),
        first.find(b"\n\n", start - 1, LONGEST_HEAD),
    )
    return min((end + 1 for end in ends if end >= 0), default=-1)


def _headersOf(lines: str) -> tuple[tuple[str, str], ...] | None:
    count = lines.count("\n")
    if count > MOST_HEADERS:
        return None
    found = _header.findall(lines)
    if len(found) != count:
        return None
    return tuple([(name.lower(), value.strip(" \t")) for name, value in found])


def _headOf(
    method: str, target: str, headers: tuple[tuple[str, str], ...]
) -> Head | None:
    """
    @return: L{None} if whom it asks is not clear.
    """
    hosts = [_hostOf(value) for name, value in headers if name == "host"]
    if not target.startswith("/") and not (target == "*" and method == "OPTIONS"):
        authority = target if method == "CONNECT" else _authorityOf(target)
        named = _hostOf(authority)
        if not named or hosts not in ([], [named]):
            return None
        return Head(method, target, headers, named)
    if len(hosts) > 1 or None in hosts:
        return None
    return Head(method, target, headers, (hosts and hosts[0]) or "")


def _authorityOf(target: str) -> str:
    absolute = _absolute.fullmatch(target)
    return absolute[1] if absolute else ""


def _hostOf(authority: str) -> str | None:
    """
    @return: The host without its port; L{None} if there can be no such host.
    """
    parts = _authority.fullmatch(authority)
    if parts is None:
        return None
    host = parts[1]
    if not host or host.startswith("["):
        return host.lower()
    return hostName(host.encode("latin-1")) or None


def _originForm(method: str, target: str) -> str:
    if target.startswith("/") or target == "*":
        return target
    if method == "CONNECT":
        return ""
    rest = target.partition("://")[2]
    path = rest.partition("?")[0].partition("/")[2]
    return f"/{path}"


def _unquoted(text: str) -> str:
    if "%" not in text and text.isascii():
        return text
    return unquote_to_bytes(text.encode("latin-1")).decode("utf-8", "replace")
