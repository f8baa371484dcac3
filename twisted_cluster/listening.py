"""
C{--listen}: from an endpoint description to what the primary binds for it.
"""

from __future__ import annotations

import inspect
import os
import socket
from collections.abc import Callable, Mapping, Sequence

from attrs import evolve
from twisted.internet.endpoints import _parse
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import getPlugins

from twisted_cluster.errors import ConfigError
from twisted_cluster.events import TCP, UDP, UNIX, ListenSpec
from twisted_cluster.wire.borrowed import Borrowed
from twisted_cluster.wire.hosts import numericOf
from twisted_cluster.wire.inherited import FIRST, accepts, listenFDs

# Their arguments have the order of Twisted's own: it takes tcp:8080:127.0.0.1 as well.


def _tcp(port: str, interface: str = "", backlog: str = "50") -> ListenSpec:
    number = _portOf(port)
    try:
        bound = numericOf(interface)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"interface {interface!r}: {why}") from None
    return ListenSpec(TCP, bound, number, backlog=_numberOf("backlog", backlog))


def _tcp6(port: str, interface: str = "::", backlog: str = "50") -> ListenSpec:
    return _tcp(port, interface, backlog)


def _udp(port: str, interface: str = "") -> ListenSpec:
    return evolve(_tcp(port, interface), kind=UDP)


def _portOf(text: str) -> int:
    try:
        return int(text) if text.isdecimal() else socket.getservbyname(text)
    except OSError:
        raise ValueError(f"{text!r} is no port's number or name") from None


def _numberOf(name: str, text: str, base: int = 10) -> int:
    try:
        return int(text, base)
    except ValueError:
        kind = "an octal number" if base == 8 else "a number"
        raise ValueError(f"{name} {text!r} is not {kind}") from None


def _ssl(
    port: str, *, interface: str = "", backlog: str = "50", **rest: str
) -> ListenSpec:
    return _tcp(port, interface, backlog)


def _unix(
    address: str, mode: str = "666", backlog: str = "50", lockfile: str = "1"
) -> ListenSpec:
    if not address:
        raise ValueError("it names no path")
    wantPID = bool(_numberOf("lockfile", lockfile))
    bits, queued = _numberOf("mode", mode, 8), _numberOf("backlog", backlog)
    return ListenSpec(UNIX, path=address, mode=bits, backlog=queued, wantPID=wantPID)


def _systemd(domain: str, index: str = "", name: str = "") -> ListenSpec:
    if bool(index) == bool(name):
        raise ValueError("give either index=, or name=")
    if not hasattr(socket, f"AF_{domain}"):
        raise ValueError(f"there is no domain {domain!r}, such as INET or UNIX")
    opened = listenFDs()
    numbers = opened.inheritedDescriptors()
    byName = opened.inheritedNamedDescriptors()
    if not numbers:
        raise ValueError("systemd has opened nothing for this process")
    if name and name not in byName:
        raise ValueError(f"systemd has opened none of that name, but {sorted(byName)}")
    if index and not -len(numbers) <= int(index) < len(numbers):
        raise ValueError(f"systemd has opened {len(numbers)}, counted from 0")
    fd = byName[name] if name else numbers[int(index)]
    spec = _adopted(fd)
    if (spec.kind == UNIX) != (domain == "UNIX"):
        raise ValueError(f"descriptor {fd} is a {spec.kind} port")
    return spec


def _fd(number: str) -> ListenSpec:
    fd = _numberOf("the descriptor", number)
    if fd < FIRST:
        raise ValueError(f"0 to {FIRST - 1} are the standard streams")
    return _adopted(fd)


def _adopted(fd: int) -> ListenSpec:
    """
    @raise OSError: If there is no such socket.
    """
    try:
        os.fstat(fd)
    except OSError:
        raise ValueError(f"descriptor {fd} is not open") from None
    with Borrowed(fd) as there:
        isUNIX = there.family == socket.AF_UNIX
        if there.type != socket.SOCK_STREAM or not accepts(there):
            raise ValueError(f"descriptor {fd} is no socket that listens for connections")
    return ListenSpec(UNIX if isUNIX else TCP, fd=fd)


PORT_KINDS: Mapping[str, Callable[..., ListenSpec]] = {
    "tcp": _tcp,
    "tcp6": _tcp6,
    "udp": _udp,
    "ssl": _ssl,
    "unix": _unix,
    "systemd": _systemd,
    "fd": _fd,
}
WRAPPERS = ("haproxy",)
ACCEPTED = "give an endpoint, such as tcp:8080, tcp:8080:interface=\\:\\: or unix:/path"
ACCEPTED_UDP = "give a port for datagrams, such as udp:53 or udp:53:interface=127.0.0.1"


def parseListens(descriptions: Sequence[str]) -> list[ListenSpec]:
    """
    @return: What is to be bound for all of them.
    @raise ConfigError: If one is malformed, or given twice.
    """
    specs: list[ListenSpec] = []
    for description in descriptions:
        spec = parseListen(description)
        if spec is None:
            continue
        if spec in specs and (spec.port or spec.path):
            raise ConfigError("listen", description, f"{spec} is given twice")
        specs.append(spec)
    return specs


def parseListen(description: str) -> ListenSpec | None:
    """
    What is to be bound for an endpoint. Its keys and certificates stay unread.

    @return: L{None} for a kind of endpoint that only a worker can make sense of.
    @raise ConfigError: If it is malformed.
    """
    try:
        return _specOf(description)
    except (ValueError, TypeError, OSError) as error:
        accepted = ACCEPTED_UDP if description.startswith("udp") else ACCEPTED
        raise ConfigError("listen", description, f"{error}; {accepted}") from None


def _specOf(description: str) -> ListenSpec | None:
    wrapper, _, inner = description.partition(":")
    if wrapper in WRAPPERS:
        if not inner:
            raise ValueError(f"it does not say what is behind it, as {wrapper}:tcp:8080")
        return _specOf(inner)
    (kind, *given), named = _parse(description)
    if kind not in PORT_KINDS:
        _refuseUnknown(kind)
        return None
    if not given and not named:
        raise ValueError("it does not say where")
    # What is wrong with it is said without naming our function.
    inspect.signature(PORT_KINDS[kind]).bind(*given, **named)
    return PORT_KINDS[kind](*given, **named)


def nameOf(description: str) -> str:
    """
    @return: What the port of an endpoint is called, such as
        C{tcp:8080:interface=127.0.0.1}; what is no such endpoint has its own name.
    """
    try:
        spec = parseListen(description)
    except ConfigError:
        spec = None
    return description if spec is None else str(spec)


def _refuseUnknown(kind: str) -> None:
    known = {parser.prefix for parser in getPlugins(IStreamServerEndpointStringParser)}
    known |= set(PORT_KINDS)
    if kind not in known:
        there = ", ".join(sorted(known))
        raise ValueError(f"{kind!r} is no kind of endpoint; there are: {there}")
