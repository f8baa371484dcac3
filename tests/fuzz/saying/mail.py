"""
The mail stream.
"""

from __future__ import annotations

import json
import struct
from random import Random

from tests.fuzz.saying.chance import mutatedBytes, oddNumber, oddValue
from tests.fuzz.saying.ends import Ends
from tests.fuzz.saying.things import THINGS, drain, put, some

HEAD = struct.Struct("<BBHIIQ4x")
MESSAGE, ASK, ANSWER, REFUSAL, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, MISSED = range(1, 9)
# How often each is said.
KINDS = {
    MESSAGE: 6,
    ASK: 6,
    PUBLISH: 6,
    SUBSCRIBE: 3,
    UNSUBSCRIBE: 3,
}
HANDLE, ADVANCED, LISTENER = 1, 2, 4
BODIES = (
    b"",
    b"1",
    b"null",
    b'"text"',
    b'{"a": [1, 2, {"b": null}]}',
    b" 123456789012345678901234567890",
    b' "\\ud800"',
    b"NaN",
    b"[" * 5000,
    b" " + b"[" * 100_000,
    b"[" + b"0," * 20_000 + b"0]",
    b"{" + b",".join(b'"%d":{}' % n for n in range(5000)) + b"}",
    b"\xff\xfe",
    b"\xa1\x61a\x81\x01",
    b"\xd8\x1c\x81\xd8\x1d\x00",
    b"\x9f" * 3000,
    b"\xc2\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff",
)


def frame(
    kind: int,
    extra: bytes = b"",
    body: bytes = b"",
    flags: int = 0,
    number: int = 0,
    version: int = 1,
) -> bytes:
    """
    Its bytes.
    """
    head = HEAD.pack(version, kind, flags, len(extra), len(body), number)
    return head + extra + body


class MailFuzzer:
    """
    Says things on the mail stream: what has no room waits, for it is a stream.
    """

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._rest = b""
        self._asked = 0

    def close(self) -> None:
        """
        It has nothing.
        """

    def act(self, random: Random, wildness: float) -> bool:
        """
        @see: L{tests.fuzz.saying.control.ControlFuzzer.act}
        """
        if random.random() < 0.3:
            drain(self._ends.mail)
        if self._rest:
            return self._sendRest(random)
        things: list[str] = []
        if random.random() < wildness:
            self._rest, things = self._wild(random)
        else:
            self._rest, things = self._tame(random)
        return self._sendRest(random, things)

    def _sendRest(self, random: Random, things: list[str] | None = None) -> bool:
        most = random.choice((1, 10, 23, 24, 25, 1000, 65536))
        piece, self._rest = self._rest[:most], self._rest[most:]
        if not piece:
            return True
        said = put(self._ends.mail, piece, things or ())
        if not said:
            self._rest = piece + self._rest
        return said

    def _tame(self, random: Random) -> tuple[bytes, list[str]]:
        (kind,) = random.choices(list(KINDS), list(KINDS.values()))
        extra, flags, things = b"", 0, []
        if kind in (PUBLISH, SUBSCRIBE, UNSUBSCRIBE):
            extra = random.choice((b"", b"a", b"b", b"\xff", b"t" * 1024))
        body = random.choice(BODIES)
        if random.random() < 0.3:
            body = json.dumps(oddValue(random, 3)).encode()
        if kind == MESSAGE and random.random() < 0.1:
            flags |= LISTENER
            extra = random.choice((b"", b"{}", b"[1]", b"x" * 3000))
        elif kind == MESSAGE and random.random() < 0.2:
            flags |= HANDLE
            things = [random.choice(sorted(THINGS))]
            extra = random.choice((b"", b"GET", b"x" * 3000))
        self._asked += 1
        number = random.choice((self._asked, 0, 1, oddNumber(random) & (1 << 64) - 1))
        return frame(kind, extra, body, flags, number), things

    def _wild(self, random: Random) -> tuple[bytes, list[str]]:
        data, things = self._tame(random)
        kind = random.randrange(8)
        if kind == 0:
            return mutatedBytes(random, data), things
        if kind == 7:
            return frame(MESSAGE, b"", random.choice(BODIES), ADVANCED), things
        if kind == 1:
            return data, some(random, 253)
        if kind == 2:
            flags = random.choice((0, 1, 2, 3, 4, 0xFFFF))
            extra = random.choice((b"", b"x"))
            return frame(random.randrange(1, 9), extra, b"1", flags), things
        if kind == 3:
            return frame(MISSED, b"", b"", 0, oddNumber(random) & 0xFFFF), things
        if kind == 4:
            lengths = random.choice(
                (1 << 28, (1 << 28) + 1, 1 << 31, 0xFFFFFFFF, 1 << 20)
            )
            return HEAD.pack(1, 1, 0, random.choice((0, lengths)), lengths, 0), things
        if kind == 5:
            return frame(SUBSCRIBE, b"t" * random.choice((1025, 100_000))), things
        return HEAD.pack(random.randrange(256), random.randrange(256), 0, 0, 0, 0), things
