"""
Keeps everybody else out of a group of TCP sockets.

Linux lets any process of the same user bind one more socket that has SO_REUSEPORT beside
others that have it. But not beside one that has it no longer: so one more is bound, which
does not listen, and lets go of it. The kernel does not look, however, if the last socket
that was bound to the port's number, at whatever address, had it: so one that never had is
bound for a moment at an address where nobody is in its way.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

SHARED = (socket.SO_REUSEADDR, getattr(socket, "SO_REUSEPORT", -1))
# Any machine has them for itself; where it is to have no IPv6 only the last one is left.
LOCAL4, LOCAL6 = ("127.0.0.1", "127.0.0.2", "127.0.0.3"), ("::1", "::")


class Guard:
    """
    Is in the way of all who would be bound where a group is.

    @ivar isShut: Whether nobody can be.
    """

    def __init__(self, member: socket.socket) -> None:
        """
        @param member: Of the group. Nobody is kept out yet.
        @raise OSError: If there is no place for one more.
        """
        self.isShut = False
        self._family = member.family
        self._name = member.getsockname()
        self._socket = socket.socket(member.family, member.type)
        try:
            if self._family == socket.AF_INET6:
                which = socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
                self._ipv6Only = member.getsockopt(*which)
                self._socket.setsockopt(*which, self._ipv6Only)
            self._set(1)
            self._socket.bind(self._name)
        except BaseException:
            self._socket.close()
            raise

    def _set(self, value: int) -> None:
        for option in SHARED:
            self._socket.setsockopt(socket.SOL_SOCKET, option, value)

    def open(self) -> None:
        """
        Let this user's sockets be bound.
        """
        self._set(1)
        self.isShut = False

    def shut(self) -> None:
        """
        Let nobody be.
        """
        self._set(0)
        self.isShut = any(map(self._pass, self._elsewhere()))

    def _elsewhere(self) -> Iterator[str]:
        """
        Addresses at which the group is not.
        """
        isAny = self._name[0] in ("0.0.0.0", "::")
        if self._family == socket.AF_INET:
            yield from LOCAL6
            yield from () if isAny else set(LOCAL4) - {self._name[0]}
        elif self._ipv6Only or not isAny:
            yield from LOCAL4

    def _pass(self, address: str) -> bool:
        """
        @return: Whether there was room there.
        """
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with suppress(OSError), socket.socket(family, self._socket.type) as passing:
            if family == socket.AF_INET6:
                passing.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            passing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            passing.bind((address, self._name[1]))
            return True
        return False

    def close(self) -> None:
        """
        Be in nobody's way.
        """
        self._socket.close()
