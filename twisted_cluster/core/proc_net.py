"""
What Linux tells of sockets: C{/proc/net/tcp}, C{udp}, their IPv6 likes, and C{unix}.
"""

from __future__ import annotations

import errno
import ipaddress
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from twisted_cluster.events import TCP, UDP, UNIX, ListenSpec

# The state of a TCP socket that listens, and the flag of a UNIX one.
LISTENS = "0A"
ACCEPTS = 0x10000
# One part of an address: four bytes, as this machine's numbers are.
WORD = 8
ERRNO = re.compile(r"\[Errno \d+\]")
# No part of a name, of a longer number, or of an IPv4 address.
NUMBER = re.compile(r"(?<![\w.])\d{1,5}(?!\w|\.\d)")
IN_USE = "address already in use"
REFUSED = f"[Errno {errno.EADDRINUSE}]"
# Where each kind is told of.
FILES = {TCP: ("tcp", "tcp6"), UDP: ("udp", "udp6"), UNIX: ("unix",)}


@frozen
class Taken:
    """
    An address that a socket has.

    @ivar kind: C{"tcp"}, C{"udp"} or C{"unix"}.
    @ivar inode: Of the socket.
    @ivar host: The numeric address; C{""} for all.
    @ivar path: A UNIX socket's path, or name with a NUL before it.
    """

    kind: str
    inode: int
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return str(ListenSpec(self.kind, port=self.port, path=self.path))

    @property
    def isRelative(self) -> bool:
        """
        Whether its path says where it is only together with a directory.
        """
        return self.path[:1] not in ("", "/", "\0")

    def isInTheWayOf(self, spec: ListenSpec) -> bool:
        """
        Whether who has this keeps others from what they want.

        @param spec: With an absolute path: whose path is relative may be.
        """
        if self.kind != spec.kind:
            return False
        if self.kind == UNIX:
            path = f"/{posixpath.normpath(self.path)}"
            return self.path == spec.path or (
                self.isRelative and spec.path.endswith(path)
            )
        hosts = {self.host, hostOf(spec.interface)}
        return self.port == spec.port and ("" in hosts or len(hosts) == 1)


def hostOf(interface: str) -> str:
    """
    @return: A numeric address in one of its spellings; C{""} for all.
    """
    try:
        address = ipaddress.ip_address(interface.partition("%")[0] or "::")
    except ValueError:
        return interface
    mapped = getattr(address, "ipv4_mapped", None)
    return "" if address.is_unspecified else str(mapped or address)


def internetSockets(kind: str, text: str, order: str) -> Iterator[Taken]:
    """
    @param kind: C{"tcp"}: those that listen. C{"udp"}: all.
    @param text: What the file says; its last line may be cut off.
    @param order: Of the bytes in this machine's numbers: C{"little"} or C{"big"}.
    """
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or (kind == TCP and fields[3] != LISTENS):
            continue
        host, _, port = fields[1].partition(":")
        try:
            address = ipaddress.ip_address(_bytesOf(host, order))
            yield Taken(kind, int(fields[9]), hostOf(str(address)), int(port, 16))
        except ValueError:
            continue


def _bytesOf(text: str, order: str) -> bytes:
    words = [bytes.fromhex(text[at : at + WORD]) for at in range(0, len(text), WORD)]
    return b"".join(word[::-1] if order == "little" else word for word in words)


def unixSockets(text: str) -> Iterator[Taken]:
    """
    @param text: What C{/proc/net/unix} says.
    @return: Those that listen.
    """
    for line in text.splitlines()[1:]:
        fields = line.split(None, 7)
        if len(fields) < 8:
            continue
        try:
            if int(fields[3], 16) & ACCEPTS:
                path = fields[7]
                name = "\0" + path[1:] if path.startswith("@") else path
                yield Taken(UNIX, int(fields[6]), path=name)
        except ValueError:
            continue


def isAddressInUse(text: str) -> bool:
    """
    Whether somebody complains that there is another one where he wants to be.
    """
    return REFUSED in text or IN_USE in text.lower()


def namedIn(lines: Iterable[str], taken: Iterable[Taken]) -> Sequence[Taken]:
    """
    Of what is taken, that which complaints are about.

    @param lines: Complaints, such as those of asyncio.
    """
    whole = ERRNO.sub("", "\n".join(lines))
    numbers = {int(number) for number in NUMBER.findall(whole)}
    return [one for one in taken if one.port in numbers or _isIn(one.path, whole)]


def _isIn(path: str, text: str) -> bool:
    """
    Whether it stands there, and is no part of a longer name.
    """
    if not path.strip("\0"):
        return False
    if path[0] == "\0":
        return path[1:] in text
    return bool(re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w-]|[./]\w)", text))
