"""
Facts: frozen values that say what was asked for, or what came in.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypedDict, Union

from attrs import Attribute, Factory, field, fields, frozen
from attrs.validators import ge, gt, in_, instance_of, le, optional
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

TCP, UNIX, UDP = "tcp", "unix", "udp"
SocketName = Union[tuple[str, int], tuple[str, int, int, int], str]
Address = Union[IPv4Address, IPv6Address, UNIXAddress]
PORTS = [instance_of(int), ge(0), le(65535)]


def wholeNumber(instance: object, attribute: Attribute[int], value: int) -> None:
    """
    An attrs validator.

    @raise TypeError: If C{value} is no number; True and False are none.
    @raise ValueError: If it is negative.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{attribute.name}={value!r}: it must be a whole number")
    if value < 0:
        raise ValueError(f"{attribute.name}={value!r}: it must be 0 or more")


class GivenOptions(TypedDict, total=False):
    """
    L{ListenOptions}, as they are given by name.
    """

    name: str
    exclusive: bool
    reusePort: bool
    fd: int | None
    ipv6Only: bool
    maxConnections: int | None
    dropMaxConnections: bool


@frozen(kw_only=True)
class ListenOptions:
    """
    What the listening calls of a worker's reactor take beyond the stock arguments.

    @ivar name: Ports with one name, kind and interface are one listener, also on
        port 0 and while the reactor runs.
    @ivar exclusive: Whether this worker binds the port for itself.
    @ivar reusePort: The same, with SO_REUSEPORT set.
    @ivar fd: The number that the port's socket has in the primary.
    @ivar ipv6Only: Whether a port on an IPv6 address refuses IPv4.
    @ivar maxConnections: How many connections the port serves at a time, in this
        worker; L{None} is any number, 0 is none.
    @ivar dropMaxConnections: Whether to close what is beyond that, which else others
        are given, or waits.
    """

    name: str = field(default="", validator=instance_of(str))
    exclusive: bool = field(default=False, validator=instance_of(bool))
    reusePort: bool = field(default=False, validator=instance_of(bool))
    fd: int | None = field(default=None, validator=optional(wholeNumber))
    ipv6Only: bool = field(default=False, validator=instance_of(bool))
    maxConnections: int | None = field(default=None, validator=optional(wholeNumber))
    dropMaxConnections: bool = field(default=False, validator=instance_of(bool))

    def __attrs_post_init__(self) -> None:
        if self.local and (self.name or self.fd is not None):
            raise ValueError(
                "name and fd are for ports that workers share, "
                "exclusive and reusePort for those that they do not"
            )

    @property
    def local(self) -> bool:
        """
        Whether the port is this worker's own, of which the primary knows nothing.
        """
        return self.exclusive or self.reusePort

    @classmethod
    def forKind(cls, kind: str, given: GivenOptions) -> ListenOptions:
        """
        @param kind: C{"tcp"}, C{"unix"} or C{"udp"}.
        @param given: The options by name.
        @raise TypeError: If one is unknown, makes no sense for this kind of port, or
            is of the wrong type.
        @raise ValueError: If one has a bad value.
        """
        known = {each.name for each in fields(cls)} - _SENSELESS[kind]
        for name in given:
            if name not in known:
                raise TypeError(
                    f"{name!r} is no option of a {kind} port; "
                    f"there are: {', '.join(sorted(known))}"
                )
        return cls(**given)


_SENSELESS: Mapping[str, set[str]] = {
    TCP: set(),
    UNIX: {"reusePort", "ipv6Only"},
    UDP: {"maxConnections", "dropMaxConnections"},
}


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
    @ivar ipv6Only: Whether to set IPV6_V6ONLY.
    @ivar name: Tells listeners on port 0 apart.
    @ivar fd: The number that the socket has in the primary already; nothing is bound.
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
    ipv6Only: bool = field(default=False, validator=instance_of(bool))
    name: str = field(default="", validator=instance_of(str))
    fd: int | None = field(default=None, validator=optional(wholeNumber))

    def __str__(self) -> str:
        if self.fd is not None:
            return f"{self.kind}:fd={self.fd}"
        if self.kind == UNIX:
            return f"unix:{self.path}".replace("\0", "@")
        where = f":interface={self.interface}" if self.interface else ""
        return f"{self.kind}:{self.port}{where}"


class ListenerFacts(NamedTuple):
    """
    The port that a connection came in by.

    @ivar number: Counts the listeners of this cluster, from 1.
    @ivar name: What was listened on, such as C{"tcp:8080"}.
    @ivar socketName: Where it is bound, as C{getsockname} gave it; C{""} if unknown.
    @ivar nameOf: Gives the same of a connection; the mechanism's.
    """

    number: int
    name: str
    socketName: SocketName = ""
    nameOf: Callable[[int], SocketName] | None = None

    @property
    def address(self) -> Address:
        """
        Where the port is bound; of a wildcard, the wildcard.
        """
        return toAddress(self.socketName)


class ConnectionFacts(NamedTuple):
    """
    What is known of a connection before a worker has it.

    @ivar listener: The port that it came in by.
    @ivar peerName: The peer's address as C{accept} gave it.
    @ivar first: The first bytes that it sent, for a policy that asked for them: none if
        it sent none in time, and perhaps not all of what it will send. The worker will
        read them again.
    @ivar handed: The mechanism's.
    """

    listener: ListenerFacts
    peerName: SocketName
    first: bytes = b""
    handed: int = -1

    @property
    def peer(self) -> Address:
        """
        The peer's address, as C{buildProtocol} will be given it.
        """
        return toAddress(self.peerName)

    @property
    def local(self) -> Address:
        """
        Which of this machine's addresses the peer connected to. Asks the kernel, so
        that it can be asked only while choosing.
        """
        listener = self.listener
        if listener.nameOf is None or self.handed < 0:
            return listener.address
        return toAddress(listener.nameOf(self.handed))


def toAddress(name: SocketName) -> Address:
    """
    @param name: As C{getsockname} or C{accept} gave it: a scope is only a number there.
    @return: With the scope's name, as Twisted's ports say it: C{fe80::1%eth0}.
    """
    if not isinstance(name, tuple):
        return UNIXAddress(name)
    if len(name) == 2:
        return IPv4Address("TCP", *name)
    host, *rest = name
    if name[3]:
        numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        host = socket.getnameinfo(name, numeric)[0]
    return IPv6Address("TCP", host, *rest)


@frozen
class Look:
    """
    How far a policy that asks for first bytes goes for them.

    @ivar limit: The most bytes that are looked at, 1 to 65536.
    @ivar deadline: How long a client may take to send what the policy needs, in
        seconds, more than 0 and at most 60. After that the policy chooses with
        what there is.
    @ivar pending: How many connections of a listener may be waited for at a time, 1 to
        65536. One more, and the policy chooses at once for the one that has waited
        longest.
    """

    limit: int = field(default=4096, validator=[instance_of(int), ge(1), le(65536)])
    deadline: float = field(default=1.0, validator=[gt(0), le(60)])
    pending: int = field(default=1024, validator=[instance_of(int), ge(1), le(65536)])


AT_LIMIT = WAIT, REFUSE, SHED = "wait", "refuse", "shed"


@frozen
class Limits:
    """
    How many connections are served at a time, and what becomes of one more.

    @ivar worker: The most of one worker, 1 or more; L{None} is any number.
    @ivar listeners: The most of a listener in all workers together, by its name.
    @ivar address: The most of one peer address in all workers together; one more is
        turned away in any case. Of IPv6 a /64 is one address.
    @ivar atLimit: C{"wait"}: it stays in the kernel's backlog. C{"refuse"}: it is
        closed. C{"shed"}: it is told why, and closed.
    """

    worker: int | None = None
    listeners: Mapping[str, int] = Factory(dict)
    address: int | None = None
    atLimit: str = field(default=WAIT, validator=in_(AT_LIMIT))

    @property
    def any(self) -> bool:
        """
        Whether there is any limit.
        """
        return bool(self.worker or self.listeners or self.address)


NO_LIMITS = Limits()


DISPATCHES = HANDOFF, SHARED, KERNEL, AUTO = "handoff", "shared", "kernel", "auto"


@frozen
class Dispatch:
    """
    How connections reach workers.

    C{"handoff"}: the primary accepts them, and hands them over. C{"shared"}: workers
    accept from one socket. C{"kernel"}: each accepts from one of its own, among which the
    kernel chooses as the policy says. C{"auto"}: that, where it loses nothing of what was
    asked for, else as C{"handoff"}.

    @ivar general: Where nothing else is said.
    @ivar listeners: Of listeners, by their names.
    """

    general: str = field(default=AUTO, validator=in_(DISPATCHES))
    listeners: Mapping[str, str] = Factory(dict)

    def of(self, name: str) -> str:
        """
        @param name: A listener's. C{tcp:8080} also means
            C{tcp:8080:interface=127.0.0.1}.
        """
        short = name.partition(":interface=")[0]
        return self.listeners.get(name, self.listeners.get(short, self.general))

    @property
    def all(self) -> set[str]:
        """
        What there may be.
        """
        return {self.general, *self.listeners.values()}
