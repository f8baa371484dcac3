"""
Whether a socket that workers have as well still is what this process has made of it.

All who have a socket may change whatever it is: shut it down, let it block, set a filter
on it that drops everything. Nobody can know who of them did it.
"""

from __future__ import annotations

import errno
import fcntl
import select
import socket
import struct
from contextlib import suppress

from twisted_cluster.primary.ports.refusing import SO_BINDTOIFINDEX

# What is done to sockets.
BLOCKS, SHUT_DOWN = "made it block", "shut it down"
Value = int | bytes
Which = tuple[int, int]

# Not all in the socket module, nor in all systems; as asm-generic/socket.h has them.
SO_GET_FILTER, SO_DETACH_FILTER = 26, 27
# What serves nobody, or only slowly, if it is another than it was. What applications
# set, such as TCP_NODELAY, is not among these.
NUMBERS: dict[str, tuple[int, int]] = {
    "SO_BINDTODEVICE": (socket.SOL_SOCKET, SO_BINDTOIFINDEX),
    "SO_REUSEPORT": (socket.SOL_SOCKET, getattr(socket, "SO_REUSEPORT", -1)),
    "SO_MARK": (socket.SOL_SOCKET, getattr(socket, "SO_MARK", -1)),
    "SO_MAX_PACING_RATE": (socket.SOL_SOCKET, 47),
    "TCP_MAXSEG": (socket.IPPROTO_TCP, getattr(socket, "TCP_MAXSEG", -1)),
    "TCP_WINDOW_CLAMP": (socket.IPPROTO_TCP, getattr(socket, "TCP_WINDOW_CLAMP", -1)),
    "TCP_USER_TIMEOUT": (socket.IPPROTO_TCP, getattr(socket, "TCP_USER_TIMEOUT", -1)),
    "TCP_DEFER_ACCEPT": (socket.IPPROTO_TCP, getattr(socket, "TCP_DEFER_ACCEPT", -1)),
    "IP_TTL": (socket.IPPROTO_IP, socket.IP_TTL),
    "IP_MINTTL": (socket.IPPROTO_IP, 21),
    "IPV6_V6ONLY": (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY),
    "IPV6_UNICAST_HOPS": (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS),
    "IPV6_MINHOPCOUNT": (socket.IPPROTO_IPV6, 73),
}
STRUCTURES = {
    "SO_LINGER": (socket.SOL_SOCKET, socket.SO_LINGER),
    "SO_RCVTIMEO": (socket.SOL_SOCKET, socket.SO_RCVTIMEO),
    "SO_SNDTIMEO": (socket.SOL_SOCKET, socket.SO_SNDTIMEO),
}
LARGEST = 16
# Smaller than that nothing works; the system says twice what was set.
BUFFERS = {
    "SO_RCVBUF": (socket.SOL_SOCKET, socket.SO_RCVBUF),
    "SO_SNDBUF": (socket.SOL_SOCKET, socket.SO_SNDBUF),
}
ROOM = 1 << 14
# tcp(7), TCP_INFO of a socket that listens: how many may wait.
_BACKLOG = struct.Struct("=28xI")
_ENDED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP


class Soundness:
    """
    Knows what a socket was, and makes it that again.
    """

    def __init__(self, held: socket.socket, backlog: int = 0) -> None:
        """
        @param held: As it is to stay.
        @param backlog: What it listens with, if it does, where the system does not say
            that.
        """
        self._socket = held
        self._isStream = held.type == socket.SOCK_STREAM
        self._flags = fcntl.fcntl(held, fcntl.F_GETFL)
        self._name = held.getsockname()
        self._poll = select.poll()
        self._poll.register(held, getattr(select, "POLLRDHUP", 0))
        self._most = self._mayWait()
        self._backlog = self._most or backlog
        self._said = self._options()

    def look(self) -> list[str]:
        """
        A look that costs little.

        @return: What has been done to it.
        """
        done = []
        if fcntl.fcntl(self._socket, fcntl.F_GETFL) != self._flags:
            done.append(BLOCKS)
        if any(events & _ENDED for _, events in self._poll.poll(0)):
            done.append(SHUT_DOWN)
        return done

    def lookClosely(self) -> list[str]:
        """
        The same, and what else can be done to it.
        """
        done = self.look()
        if self._isConnected():
            done.append("connected it")
        if done and done != [BLOCKS]:
            # From that all else follows.
            return done
        if self._hasFilter():
            done.append("set a filter on it")
        if self._mayWait() != self._most:
            done.append("changed its backlog")
        now = self._options()
        changed = [name for name, value in self._said.items() if now.get(name) != value]
        return done + [f"set {name}" for name in changed]

    def unblock(self) -> None:
        """
        Let nobody wait for it any more.
        """
        fcntl.fcntl(self._socket, fcntl.F_SETFL, self._flags)

    def mend(self) -> bool:
        """
        Make it what it was.

        @return: Whether it is: if not, there is to be another in its place.
        """
        for mend in (self.unblock, self._listen, self._dropFilter, self._setBack):
            with suppress(OSError):
                mend()
        return self._socket.getsockname() == self._name and not self.lookClosely()

    def _listen(self) -> None:
        if self._isStream:
            self._socket.listen(self._backlog)

    def _dropFilter(self) -> None:
        if self._hasFilter():
            self._socket.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)

    def _setBack(self) -> None:
        now = self._options()
        for name, value in self._said.items():
            if now.get(name) != value:
                which = {**NUMBERS, **STRUCTURES, **BUFFERS}[name]
                with suppress(OSError):
                    self._socket.setsockopt(*which, value)

    # What there is

    def _isConnected(self) -> bool:
        try:
            self._socket.getpeername()
        except OSError:
            return False
        return True

    def _hasFilter(self) -> bool:
        try:
            filter = self._socket.getsockopt(socket.SOL_SOCKET, SO_GET_FILTER, 1)
        except OSError as error:
            # One that is no list of instructions is not shown.
            return error.errno == errno.EACCES
        return bool(filter)

    def _mayWait(self) -> int | None:
        if not self._isStream or self._socket.family == socket.AF_UNIX:
            return None
        try:
            which = socket.IPPROTO_TCP, socket.TCP_INFO
            return int(_BACKLOG.unpack(self._socket.getsockopt(*which, _BACKLOG.size))[0])
        except (OSError, AttributeError, struct.error):
            # The system does not say it.
            return None

    def _options(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for name, which in NUMBERS.items():
            with suppress(OSError):
                found[name] = self._socket.getsockopt(*which)
        for name, which in STRUCTURES.items():
            with suppress(OSError):
                found[name] = self._socket.getsockopt(*which, LARGEST)
        for name, which in BUFFERS.items():
            found[name] = min(ROOM, self._socket.getsockopt(*which))
        return found
