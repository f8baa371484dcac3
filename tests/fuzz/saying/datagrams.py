"""
What a worker does with the UDP sockets that it is given.
"""

from __future__ import annotations

import ctypes
import json
import socket
import struct
from contextlib import suppress
from random import Random

from tests.fuzz.saying.ends import Ends
from tests.fuzz.saying.handoff import RECORD
from tests.fuzz.saying.things import put, received
from twisted_cluster.wire.handed import VERSION

SO_REUSEPORT = getattr(socket, "SO_REUSEPORT", 15)
# All of a group's datagrams to its first socket: a program of one instruction.
_FIRST = struct.pack("HBBI", 0x06, 0, 0, 0)
SO_ATTACH_REUSEPORT_CBPF = 51
MOST = 16


class DatagramsFuzzer:
    """
    Has some UDP ports, and does with their sockets what the system lets it.
    """

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._sockets: list[socket.socket] = []
        self._strangers: list[socket.socket] = []
        self._asked = 2 * 10**6

    def act(self, random: Random, wildness: float) -> bool:
        """
        @see: L{tests.fuzz.saying.control.ControlFuzzer.act}
        """
        self._hear()
        if not self._sockets or random.random() < 0.05:
            return self._listen(random)
        ours = random.choice(self._sockets)
        if random.random() < 0.05:
            return self._unlisten(random, ours)
        with suppress(OSError, TypeError):
            if random.random() < wildness:
                self._harm(random, ours)
            else:
                self._use(random, ours)
        return True

    def close(self) -> None:
        """
        Close all of them.
        """
        for one in (*self._sockets, *self._strangers):
            one.close()

    def _listen(self, random: Random) -> bool:
        self._asked += 1
        port = random.choice((0, *self._ends.ports[-1:]))
        spec = {"kind": "udp", "interface": "127.0.0.1", "port": port}
        return self._say("Listen", question=self._asked, spec=spec)

    def _unlisten(self, random: Random, ours: socket.socket) -> bool:
        if random.random() < 0.8:
            self._sockets.remove(ours)
            ours.close()
        self._asked += 1
        return self._say("Unlisten", question=self._asked, listener=random.randrange(20))

    def _say(self, name: str, **fields: object) -> bool:
        return put(self._ends.control, json.dumps([1, name, fields]).encode())

    def _hear(self) -> None:
        for _, fds in received(self._ends.control):
            for fd in fds:
                with socket.socket(fileno=fd) as given:
                    kind = given.type
                    isFull = len(self._sockets) >= MOST
                    if kind == socket.SOCK_DGRAM and not isFull:
                        self._sockets.append(socket.socket(fileno=given.detach()))

    def _use(self, random: Random, ours: socket.socket) -> None:
        """
        As a server would, more or less.
        """
        if random.random() < 0.5:
            ours.recvfrom(65536, socket.MSG_DONTWAIT)
        else:
            size = random.choice((0, 1, 1000, 60_000))
            ours.sendto(bytes(size), socket.MSG_DONTWAIT, ours.getsockname())

    def _harm(self, random: Random, ours: socket.socket) -> None:
        kind = random.randrange(9)
        if kind == 0:
            ours.shutdown(random.choice((0, 1, 2)))
        elif kind == 1:
            ours.setblocking(random.random() < 0.5)
        elif kind == 2:
            ours.connect(random.choice((ours.getsockname(), ("127.0.0.1", 9))))
        elif kind == 3:
            # Connected to nobody any more: it may have lost its address.
            _disconnect(ours)
        elif kind == 4:
            ours.setsockopt(*self._option(random))
        elif kind == 5:
            self._steal(ours)
        elif kind == 6:
            ours.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, FILTER)
        elif kind == 7:
            number, bounces = random.randrange(20), random.choice((0, 3))
            nobody = 0, 0, bytes(16), 0
            record = RECORD.pack(VERSION, 0, 0, bounces, 0, number, *nobody)
            put(self._ends.handoff, record, fds=[ours.fileno()])
        else:
            for _ in range(200):
                ours.sendto(bytes(1000), socket.MSG_DONTWAIT, ours.getsockname())

    def _option(self, random: Random) -> tuple[int, int, int]:
        name = random.choice(
            (
                socket.SO_RCVBUF,
                socket.SO_SNDBUF,
                socket.SO_RCVLOWAT,
                socket.SO_REUSEADDR,
                SO_REUSEPORT,
                socket.SO_BROADCAST,
                socket.SO_KEEPALIVE,
            )
        )
        return socket.SOL_SOCKET, name, random.choice((0, 1, 256, 1 << 30))

    def _steal(self, ours: socket.socket) -> None:
        """
        One more of the group, which the primary does not know.
        """
        if len(self._strangers) >= MOST:
            self._strangers.pop().close()
        stranger = socket.socket(ours.family, socket.SOCK_DGRAM)
        self._strangers.append(stranger)
        stranger.setsockopt(socket.SOL_SOCKET, SO_REUSEPORT, 1)
        stranger.bind(ours.getsockname())


def _disconnect(ours: socket.socket) -> None:
    nobody = struct.pack("H14x", socket.AF_UNSPEC)
    _libc.connect(ours.fileno(), nobody, len(nobody))


_libc = ctypes.CDLL(None)
# A C{struct sock_fprog}, and its program, which lies in memory that stays.
_program = ctypes.create_string_buffer(_FIRST, len(_FIRST))
FILTER = struct.pack("HxxxxxxP", 1, ctypes.addressof(_program))
