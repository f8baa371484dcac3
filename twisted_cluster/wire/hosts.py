"""
From what a port was asked to be to the address that is bound.
"""

from __future__ import annotations

import socket
from operator import index

from twisted.internet.abstract import isIPAddress, isIPv6Address

LAST_PORT = 65535
NOBODY = "Name or service not known"


def textOf(interface: str | bytes) -> str:
    """
    @return: An interface as text: bind(2) takes bytes as well.
    """
    return interface if isinstance(interface, str) else interface.decode()


def portOf(given: int) -> int:
    """
    What bind(2) is asked for.

    @raise OverflowError: If there is no such port: in the words of C{socket.bind}.
    @raise TypeError: If it is no whole number; the same.
    """
    number = index(given)
    if not 0 <= number <= LAST_PORT:
        raise OverflowError("bind(): port must be 0-65535.")
    return number


def numericOf(interface: str | bytes) -> str:
    """
    What bind(2) would make of an interface, by asking a resolver if it has to: may block.

    @param interface: A name or an address, C{""} for all of IPv4.
    @return: An address. A name's is of IPv4, as in Twisted's ports.
    @raise OSError: C{socket.gaierror}, if nobody has that name.
    @see: C{setipaddr} in CPython's C{socketmodule.c}.
    """
    interface = textOf(interface)
    if not interface or isIPAddress(interface) or isIPv6Address(interface):
        return interface
    if interface == "<broadcast>":
        return "255.255.255.255"
    try:
        found = socket.getaddrinfo(interface, None, socket.AF_INET, socket.SOCK_DGRAM)
    except UnicodeError:
        # bind(2) says it so of what is no name at all.
        raise socket.gaierror(socket.EAI_NONAME, NOBODY) from None
    return str(found[0][4][0])
