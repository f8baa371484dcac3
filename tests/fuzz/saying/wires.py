"""
Who says things, by wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

from tests.fuzz.saying.control import ControlFuzzer
from tests.fuzz.saying.datagrams import DatagramsFuzzer
from tests.fuzz.saying.ends import Ends
from tests.fuzz.saying.handoff import HandoffFuzzer
from tests.fuzz.saying.logs import LogsFuzzer
from tests.fuzz.saying.mail import MailFuzzer
from tests.fuzz.saying.page import PageFuzzer


class Fuzzer(Protocol):
    """
    Says things on one wire.
    """

    def act(self, random: Random, wildness: float) -> bool:
        """
        Say one thing.

        @param wildness: How probable it is that it is what no worker says, 0 to 1.
        @return: Whether there was room for it.
        """

    def close(self) -> None:
        """
        Let go of what it has.
        """


FUZZERS: Mapping[str, Callable[[Ends], Fuzzer]] = {
    "control": ControlFuzzer,
    "handoff": HandoffFuzzer,
    "mail": MailFuzzer,
    "page": PageFuzzer,
    "logs": LogsFuzzer,
    "udp": DatagramsFuzzer,
}
