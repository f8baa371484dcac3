"""
What a worker logs, what it writes on its output, and where it says where it is.
"""

from __future__ import annotations

import json
import os
from random import Random

from tests.fuzz.saying.chance import TEXTS, mutatedBytes, mutatedFields, oddValue
from tests.fuzz.saying.ends import Ends
from tests.fuzz.saying.things import put, send, some

VERSION = 2
# What a worker may say as often as it likes.
FORMATS = ("plain", "{log_text}", "{a} {b}", "{a!r}")
FLAT = {"a!s:": "x", "b!s:": "y", "a!r:": "'x'", "log_text!s:": "z"}
ODD_FORMATS = (
    "{a.__class__}",
    "{a[0]}",
    "{a()}",
    "{",
    "}",
    "{x:>99999999}",
    "{0}",
    "{a:{b}}",
    "{log_failure}",
    "{log_source.__init__.__globals__}",
)


class LogsFuzzer:
    """
    Says things on the log, and writes to the pipes.
    """

    def __init__(self, ends: Ends) -> None:
        self._ends = ends

    def close(self) -> None:
        """
        It has nothing.
        """

    def act(self, random: Random, wildness: float) -> bool:
        """
        @see: L{tests.fuzz.saying.control.ControlFuzzer.act}
        """
        kind = random.randrange(8)
        if kind == 0:
            return self._write(random, self._ends.output)
        if kind == 1:
            return self._write(random, self._ends.stacks)
        record = self._record(random)
        if random.random() < wildness:
            return self._wild(random, record)
        if kind == 2:
            return self._along(self._record(random, random.randrange(500_000)))
        return put(self._ends.log, record)

    def _record(self, random: Random, size: int = 0) -> bytes:
        """
        @param size: How long its text is, or how much there is in lists.
        """
        event: dict[str, object] = {
            **self._head(random),
            "log_format": random.choice(FORMATS),
            "log_flattened": FLAT,
        }
        if random.random() < 0.2:
            event["log_failure"] = {"__cluster_failure__": self._failure(random)}
        if random.random() < 0.3:
            event[random.choice(("log_text", "a", "b"))] = oddValue(random)
        if size:
            event["log_text"], event["many"] = random.choice(
                (("x" * size, 0), ("\n\x1b" * (size // 8), 0), ("", [1] * (size // 11)))
            )
        return _packed(event)

    def _head(self, random: Random) -> dict[str, object]:
        return {
            "log_level": random.choice(("info", "warn", "error", "debug", "critical")),
            "log_namespace": random.choice(("shop", "-", "log_legacy", "x" * 600)),
            "log_time": random.choice((0, 1.8e9, 253_402_214_399)),
        }

    def _oddRecord(self, random: Random) -> bytes:
        event = {**self._head(random), "log_format": random.choice(FORMATS)}
        if random.random() < 0.5:
            event["log_format"] = random.choice(ODD_FORMATS)
        if random.random() < 0.8:
            event["log_flattened"] = FLAT
        failure = mutatedFields(random, self._failure(random, isOdd=True))
        if random.random() < 0.3:
            event["log_failure"] = {"__cluster_failure__": failure}
        if random.random() < 0.3:
            name = random.choice(("log_system", "log_text", "a", "isError", "message"))
            event[name] = oddValue(random)
        for _ in range(random.randrange(3)):
            event = mutatedFields(random, event)
        return _packed(event)[:65536]

    def _failure(self, random: Random, isOdd: bool = False) -> dict[str, object]:
        frame = ["f", random.choice(("/dev/zero", __file__, "x")), 3, [["a", "b"]], []]
        odd = ("", "x\0", "\ud800", "a b") if isOdd else ()
        return {
            "module": random.choice(("builtins", "os", *odd)),
            "name": random.choice(("ValueError", "OSError", *odd)),
            "value": random.choice(TEXTS),
            "parents": ["builtins.ValueError"],
            "frames": [frame] * random.choice((0, 1, 5, 1001 if isOdd else 200)),
            "text": random.choice(TEXTS),
        }

    def _wild(self, random: Random, record: bytes) -> bool:
        kind = random.randrange(8)
        if kind == 0:
            return put(self._ends.log, mutatedBytes(random, record), some(random))
        if kind == 1:
            return put(self._ends.log, b"along", some(random, 253))
        if kind == 2:
            deep = random.choice((b"[", b'{"a":', b'[{"a":')) * 15_000
            return put(self._ends.log, deep)
        if kind == 3:
            return put(self._ends.log, b"", some(random))
        if kind == 4:
            data = random.randbytes(random.randrange(3000))
            return put(self._ends.log, data, some(random))
        return put(self._ends.log, self._oddRecord(random))

    def _along(self, record: bytes) -> bool:
        made = os.memfd_create("record", os.MFD_ALLOW_SEALING)
        try:
            os.write(made, record)
            return send(self._ends.log, b"along", [made])
        finally:
            os.close(made)

    def _write(self, random: Random, fd: int) -> bool:
        data = random.choice(TEXTS).encode("utf-8", "surrogatepass")
        lines = b"\n" * random.choice((0, 1, 1, 500))
        try:
            os.write(fd, (data + random.randbytes(random.randrange(100)) + lines)[:4000])
        except OSError:
            return False
        return True


def _packed(event: dict[str, object]) -> bytes:
    told = {"version": VERSION, "event": event}
    return json.dumps(told).encode("utf-8", "replace")
