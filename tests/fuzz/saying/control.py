"""
The control channel.
"""

from __future__ import annotations

import json
import os
from random import Random

from tests.fuzz.saying.chance import (
    NUMBERS,
    mutatedBytes,
    mutatedFields,
    oddNumber,
    oddValue,
)
from tests.fuzz.saying.ends import Ends
from tests.fuzz.saying.things import drain, put, some

# What a worker says, how often, and what only the primary does.
KINDS = {
    "Listen": 12,
    "Unlisten": 8,
    "Released": 3,
    "Pause": 5,
    "Limit": 5,
    "Listening": 3,
    "Born": 1,
    "Online": 2,
    "Ready": 2,
    "Room": 5,
    "Leaving": 0.02,
}
NOT_HIS = ("Answer", "Stay", "Drain", "Signal")


class ControlFuzzer:
    """
    Says things on the control channel.
    """

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._listeners = [1, 2]
        self._asked = 10**6

    def close(self) -> None:
        """
        It has nothing.
        """

    def act(self, random: Random, wildness: float) -> bool:
        """
        Say one thing.

        @param wildness: How probable it is that it is what no worker says, 0 to 1.
        @return: Whether there was room for it.
        """
        if random.random() < 0.2:
            self._listen()
            return True
        data = self._message(random)
        things: list[str] = []
        if random.random() < wildness:
            data, things = self._wild(random, data)
        return put(self._ends.control, data, things)

    def _listen(self) -> None:
        """
        Hear what is answered.
        """
        for data in drain(self._ends.control):
            kind, fields = json.loads(data)[1:]
            if kind == "Answer" and fields["listener"]:
                self._listeners = [*self._listeners[-30:], fields["listener"]]

    def _message(self, random: Random) -> bytes:
        (kind,) = random.choices(list(KINDS), list(KINDS.values()))
        return json.dumps([1, kind, self._fields(random, kind)]).encode()

    def _wild(self, random: Random, data: bytes) -> tuple[bytes, list[str]]:
        kind = random.randrange(6)
        version, name, fields = json.loads(data)
        if kind == 0:
            return mutatedBytes(random, data), some(random)
        if kind == 1:
            name = random.choice((*NOT_HIS, "Borrow", "Mine", "", "__class__"))
        elif kind == 2:
            return json.dumps(oddValue(random, 3)).encode(), some(random)
        elif kind == 3:
            return data, some(random, 253)
        elif kind == 4:
            version = oddNumber(random)
        else:
            fields = mutatedFields(random, fields)
        return json.dumps([version, name, fields]).encode(), some(random)

    def _fields(self, random: Random, kind: str) -> dict[str, object]:
        self._asked += 1
        number = self._number(random)
        return {
            "Listen": lambda: {
                "question": self._asked,
                "spec": self._spec(random),
                "ordinal": random.choice((0, 0, 0, 1, 2, 5)),
                "directory": random.choice((".", self._ends.directory, "/", "/nowhere")),
                "room": random.choice((None, None, 0, 5, 1 << 62)),
            },
            "Unlisten": lambda: {"question": self._asked, "listener": number},
            "Released": lambda: {"listener": number},
            "Pause": lambda: {"listener": number, "paused": random.random() < 0.5},
            "Limit": lambda: {
                "listener": number,
                "willing": random.choice((None, 0, 1, 7, 1 << 62, (1 << 63) - 1)),
            },
            "Listening": lambda: {
                "address": random.choice((None, "127.0.0.1", "x" * 900)),
                "port": random.choice((-1, 80, 65535)),
                "addressType": random.choice((4, 6, "udp4", "udp6", -1)),
                "fd": random.choice((None, -1, 3)),
            },
            "Born": dict,
            "Online": lambda: {"isReady": random.random() < 0.9},
            "Ready": lambda: {"isReady": random.random() < 0.9},
            "Room": dict,
            "Leaving": lambda: {"planned": random.random() < 0.5},
        }[kind]()

    def _number(self, random: Random) -> int:
        if random.random() < 0.8:
            return random.choice(self._listeners)
        return random.choice(NUMBERS) if random.random() < 0.1 else random.randrange(50)

    def _spec(self, random: Random) -> dict[str, object]:
        spec: dict[str, object] = {"kind": random.choice(("tcp", "tcp", "udp", "unix"))}
        if spec["kind"] == "unix":
            name = f"{random.choice('abcde')}"
            places = (name, f"\0fuzz-{os.getpid()}-{name}", "x" * 200, "", "a/b/../c")
            spec["path"] = random.choice((name, name, *places))
            spec["mode"] = random.choice((0o666, 0o600, 0, -1, 0o7777, 1 << 40))
            spec["wantPID"] = random.random() < 0.3
        else:
            hosts = ("", "127.0.0.1", "::1", "0.0.0.0", "::", "127.0.0.2", "8.8.8.8")
            spec["interface"] = random.choice(hosts)
            spec["port"] = random.choice((0, 0, 0, *self._ends.ports, 1, 65535))
            spec["reusePort"] = random.random() < 0.2
            spec["ipv6Only"] = random.random() < 0.2
            spec["name"] = random.choice(("", "", "a", "b"))
        spec["backlog"] = random.choice((50, 50, 0, -1, 1 << 31, 1 << 40))
        if random.random() < 0.1:
            spec["fd"] = random.choice((0, 1, 3, 4, 5, 10, 1000, 1 << 40))
        return spec
