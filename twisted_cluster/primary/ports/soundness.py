"""
Whether a socket that workers have as well still is what this process has made of it.

All who have a socket may change whatever it is: shut it down, let it block, set a filter
on it that drops everything. Nobody can know who of them did it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import sys
from contextlib import suppress

from twisted_cluster.primary.ports.refusing import SO_BINDTOIFINDEX
from twisted_cluster.wire.backlog import queueOf
from twisted_cluster.wire.options import countOption, getOption, setOption

# What is done to sockets.
BLOCKS, SHUT_DOWN = "made it block", "shut it down"
CONNECTED, FILTERED = "connected it", "set a filter on it"

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
BUFFERS = {
    "SO_RCVBUF": (socket.SOL_SOCKET, socket.SO_RCVBUF),
    "SO_SNDBUF": (socket.SOL_SOCKET, socket.SO_SNDBUF),
}
# The same of what connections have from the socket that they come by: those that are not
# read before so much has come, are not routed, or are late; and what has others wait for
# the port when all are gone.
INHERITED: dict[str, tuple[int, int]] = {
    "SO_RCVLOWAT": (socket.SOL_SOCKET, socket.SO_RCVLOWAT),
    "SO_DONTROUTE": (socket.SOL_SOCKET, socket.SO_DONTROUTE),
    "SO_REUSEADDR": (socket.SOL_SOCKET, socket.SO_REUSEADDR),
    "TCP_CORK": (socket.IPPROTO_TCP, getattr(socket, "TCP_CORK", -1)),
    "TCP_TX_DELAY": (socket.IPPROTO_TCP, 37),
}
OPTIONS = {**NUMBERS, **STRUCTURES, **BUFFERS, **INHERITED}
# In the words of linux/sock_diag.h: what options take that are lists, such as keys that
# each packet must be signed with, and who has set them is not asked.
SO_MEMINFO, MEMORY = 55, slice(24, 28)
LISTS = "options that take memory"
# In bytes: of numbers, and of structures.
NUMBER, LARGEST = 4, 16
# Smaller than that nothing works; the system says twice what was set.
ROOM = 1 << 14
_ENDED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP


class Soundness:
    """
    Knows what a socket was, and makes it that again. Whoever has it may keep it locked:
    all but L{look} and L{unblock} is to be done aside.

    @ivar waiting: How many wait to be accepted, when it was looked at closely; L{None}:
        the system does not say it.
    """

    def __init__(self, held: socket.socket, backlog: int = 0) -> None:
        """
        @param held: As it is to stay.
        @param backlog: What it listens with, if it does, where the system does not say
            that.
        """
        self._socket = held
        self._isStream = held.type == socket.SOCK_STREAM
        self._name = held.getsockname()
        self.waiting: int | None = None
        self._most = self._mayWait()
        self._backlog = self._most or backlog
        self._said = self._options()

    def look(self) -> list[str]:
        """
        A look that costs little.

        @return: What has been done to it.
        """
        done = []
        if not fcntl.fcntl(self._socket, fcntl.F_GETFL) & os.O_NONBLOCK:
            done.append(BLOCKS)
        # Another thread may be about to look closely, and needs one of its own.
        poll = select.poll()
        poll.register(self._socket, getattr(select, "POLLRDHUP", 0))
        if any(events & _ENDED for _, events in poll.poll(0)):
            done.append(SHUT_DOWN)
        return done

    def unblock(self) -> None:
        """
        Let nobody wait for it any more.
        """
        # What else is set there stays: to change O_ASYNC takes the socket's lock.
        flags = fcntl.fcntl(self._socket, fcntl.F_GETFL)
        fcntl.fcntl(self._socket, fcntl.F_SETFL, flags | os.O_NONBLOCK)

    def lookClosely(self) -> list[str]:
        """
        The same, and what else can be done to it.
        """
        done = self.look()
        if self._isConnected():
            done.append(CONNECTED)
        if done and done != [BLOCKS]:
            # From that all else follows.
            return done
        if self._hasFilter():
            done.append(FILTERED)
        if self._mayWait() != self._most:
            done.append("changed its backlog")
        now = self._options()
        if FILTERED in done:
            # Which takes memory itself.
            now[LISTS] = self._said.get(LISTS, b"")
        changed = [name for name, value in self._said.items() if now.get(name) != value]
        return done + [f"set {name}" for name in changed]

    def mend(self) -> bool:
        """
        Make it what it was.

        @return: Whether it is: if not, there is to be another in its place.
        """
        for mend in (self.unblock, self._listen, self._dropFilter, self._setBack):
            with suppress(OSError):
                mend()
        return self._socket.getsockname() == self._name and not self.lookClosely()

    def retire(self) -> None:
        """
        Nobody is to come in by it any more, nor to wait for that, and another socket may
        be bound where it is.
        """
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            which = socket.SOL_SOCKET, socket.SO_REUSEADDR
            setOption(self._socket.fileno(), *which, (1).to_bytes(NUMBER, sys.byteorder))

    def _listen(self) -> None:
        if self._isStream:
            with suppress(OSError):
                # One that got any port has lost it with that.
                self._socket.bind(self._name)
            self._socket.listen(self._backlog)

    def _dropFilter(self) -> None:
        if self._hasFilter():
            which = socket.SOL_SOCKET, SO_DETACH_FILTER
            setOption(self._socket.fileno(), *which, bytes(NUMBER))

    def _setBack(self) -> None:
        now = self._options()
        for name, value in self._said.items():
            if now.get(name) != value and name in OPTIONS:
                with suppress(OSError):
                    setOption(self._socket.fileno(), *OPTIONS[name], value)

    # What there is

    def _isConnected(self) -> bool:
        try:
            self._socket.getpeername()
        except OSError:
            return False
        return True

    def _hasFilter(self) -> bool:
        try:
            which = socket.SOL_SOCKET, SO_GET_FILTER
            return bool(countOption(self._socket.fileno(), *which))
        except OSError as error:
            # One that is no list of instructions is not shown.
            return error.errno == errno.EACCES

    def _mayWait(self) -> int | None:
        told = queueOf(self._socket)
        if told is None:
            return None
        self.waiting, most = told
        return most

    def _options(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for name, which in OPTIONS.items():
            if name in INHERITED and not self._isStream:
                continue
            size = LARGEST if name in STRUCTURES else NUMBER
            with suppress(OSError):
                found[name] = getOption(self._socket.fileno(), *which, size)
        for name in BUFFERS:
            size = int.from_bytes(found[name], sys.byteorder)
            found[name] = min(ROOM, size).to_bytes(NUMBER, sys.byteorder)
        if self._isStream and sys.platform == "linux":
            with suppress(OSError):
                which = socket.SOL_SOCKET, SO_MEMINFO
                told = getOption(self._socket.fileno(), *which, MEMORY.stop)
                found[LISTS] = told[MEMORY]
        return found
