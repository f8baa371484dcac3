"""
The handoff queue, in the direction in which connections are sent back.
"""

from __future__ import annotations

import array
import os
import socket
import struct
from random import Random

from tests.fuzz.saying.chance import mutatedBytes, oddNumber
from tests.fuzz.saying.ends import Ends
from tests.fuzz.saying.things import put, some
from twisted_cluster.wire.handed import VERSION

RECORD = struct.Struct("<BBBBH2xIII16sI")
BATCH = 64
_ROOM = socket.CMSG_SPACE(253 * 4)
# More than that it does not keep.
KEPT = 40


class HandoffFuzzer:
    """
    Takes what it is handed, and sends back that, or something else.
    """

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._kept: list[tuple[bytes, int]] = []
        self._gone: list[bytes] = []

    def act(self, random: Random, wildness: float) -> bool:
        """
        Do one thing.

        @see: L{tests.fuzz.saying.control.ControlFuzzer.act}
        """
        if random.random() < wildness:
            return self._wild(random)
        kind = random.randrange(4)
        if kind < 2:
            self._take()
        elif kind == 2:
            return self._giveBack(random)
        elif self._kept:
            # It serves somebody, in its way.
            _, fd = self._kept.pop(random.randrange(len(self._kept)))
            os.close(fd)
        return True

    def close(self) -> None:
        """
        Close what it has kept.
        """
        for _, fd in self._kept:
            os.close(fd)
        self._kept.clear()

    def _take(self) -> None:
        if len(self._kept) > KEPT:
            return
        try:
            data, ancillary, _, _ = self._ends.handoff.recvmsg(
                BATCH * RECORD.size, _ROOM, socket.MSG_DONTWAIT
            )
        except OSError:
            return
        fds = array.array("i")
        for _, _, part in ancillary:
            fds.frombytes(part)
        size = RECORD.size
        for index, fd in enumerate(fds):
            self._kept.append((data[index * size : (index + 1) * size], fd))

    def _giveBack(self, random: Random) -> bool:
        """
        As a worker would that cannot serve them: in any order.
        """
        if not self._kept:
            return True
        count = random.randrange(1, len(self._kept) + 1)
        some = [self._kept.pop(random.randrange(len(self._kept))) for _ in range(count)]
        records = [_bounced(record) for record, _ in some]
        fds = [fd for _, fd in some]
        said = put(self._ends.handoff, b"".join(records), fds=fds)
        self._gone = [*self._gone[-20:], *records]
        for fd in fds:
            os.close(fd)
        return said

    def _wild(self, random: Random) -> bool:
        kind = random.randrange(8)
        records = [self._record(random) for _ in range(random.choice((1, 1, 2, 64, 70)))]
        data, things, fds = b"".join(records), some(random, 64), []
        if kind == 0:
            data = mutatedBytes(random, data)
        elif kind == 1:
            things = [random.choice(("connection", "unix", "pipe"))] * len(records)
        elif kind == 2 and self._gone:
            data = random.choice(self._gone)
        elif kind == 3 and self._kept:
            # The same one again and again.
            record, fd = self._kept[-1]
            data, things, fds = record * 3, [], [fd] * 3
        elif kind == 4 and self._kept:
            # One that it has, as if it were another one.
            record, fd = self._kept[-1]
            data, things, fds = self._mutated(random, record), [], [fd]
        elif kind == 5:
            data = random.choice((b"", b"\0", b"\1", b"\2" * 40, bytes(40)))
        elif kind == 6:
            data = random.randbytes(random.choice((1, 39, 40, 41, 2560, 3000)))
        return put(self._ends.handoff, data, things[: 253 - len(fds)], fds)

    def _record(self, random: Random) -> bytes:
        return RECORD.pack(
            random.choice((VERSION, VERSION, VERSION, 0, 1, 255)),
            random.choice((0, socket.AF_INET, socket.AF_INET6, 1, 255)),
            random.choice((0, 1, 255)),
            random.choice((0, 1, 2, 3, 255)),
            random.choice((0, 80, 65535)),
            random.choice((1, 1, 2, 3, oddNumber(random) & 0xFFFFFFFF)),
            random.choice((0, 1, 0xFFFFFFFF)),
            random.choice((0, 1, 0xFFFFFFFF)),
            random.choice((bytes(16), b"\xff" * 16, b"\x08" * 16)),
            random.choice((0, 1, 2, random.randrange(100), 0xFFFFFFFF)),
        )

    def _mutated(self, random: Random, record: bytes) -> bytes:
        changed = bytearray(record)
        changed[random.randrange(1, len(changed))] = random.randrange(256)
        return bytes(changed)


def _bounced(record: bytes) -> bytes:
    changed = bytearray(record)
    changed[3] = min(255, changed[3] + 1)
    return bytes(changed)
