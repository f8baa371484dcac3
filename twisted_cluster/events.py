"""
Facts: frozen values that say what was asked for, or what came in.
"""

from __future__ import annotations

from typing import NamedTuple

from attrs import field, frozen
from attrs.validators import ge, in_, instance_of, le
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

TCP, UNIX, UDP = "tcp", "unix", "udp"
PORTS = [instance_of(int), ge(0), le(65535)]


@frozen
class ListenSpec:
    """
    What a worker, or C{--listen}, wants to listen on. Equal specs are one listener,
    but for C{backlog} and C{mode}, where the first one's count.

    @ivar kind: C{"tcp"}, C{"unix"} or C{"udp"}.
    @ivar interface: The numeric address to bind, C{""} for all IPv4 addresses.
    @ivar port: 0 to 65535; 0 lets the kernel choose.
    @ivar path: A UNIX socket's path; one that begins with NUL is abstract.
    @ivar backlog: How many connections the kernel queues.
    @ivar mode: The permissions of a UNIX socket's file.
    @ivar wantPID: Whether a UNIX socket has a lock file beside it.
    @ivar reuseAddress: Whether to set SO_REUSEADDR.
    @ivar reusePort: Whether to set SO_REUSEPORT.
    """

    kind: str = field(validator=in_((TCP, UNIX, UDP)))
    interface: str = field(default="", validator=instance_of(str))
    port: int = field(default=0, validator=PORTS)
    path: str = field(default="", validator=instance_of(str))
    backlog: int = field(default=50, eq=False, validator=instance_of(int))
    mode: int = field(default=0o666, eq=False, validator=instance_of(int))
    wantPID: bool = field(default=False, validator=instance_of(bool))
    reuseAddress: bool = field(default=True, eq=False, validator=instance_of(bool))
    reusePort: bool = field(default=False, validator=instance_of(bool))

    def __str__(self) -> str:
        if self.kind == UNIX:
            return f"unix:{self.path}".replace("\0", "@")
        where = f":interface={self.interface}" if self.interface else ""
        return f"{self.kind}:{self.port}{where}"


class ListenerFacts(NamedTuple):
    """
    The port that a connection came in by.

    @ivar number: Counts the listeners of this cluster, from 1.
    @ivar name: What was listened on, such as C{"tcp:8080"}.
    """

    number: int
    name: str


class ConnectionFacts(NamedTuple):
    """
    What is known of a connection before a worker has it.

    @ivar listener: The port that it came in by.
    @ivar peerName: The peer's address as C{accept} gave it.
    """

    listener: ListenerFacts
    peerName: tuple[str, int] | tuple[str, int, int, int] | str

    @property
    def peer(self) -> IPv4Address | IPv6Address | UNIXAddress:
        """
        The peer's address, as C{buildProtocol} will be given it.
        """
        if isinstance(self.peerName, tuple):
            kind = IPv4Address if len(self.peerName) == 2 else IPv6Address
            return kind("TCP", *self.peerName)
        return UNIXAddress(self.peerName)
