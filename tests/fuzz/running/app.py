"""
A server whose worker 1 becomes a fuzzer when it is told to: C{GET /harm/WIRE/SEED}.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import traceback
from collections.abc import Sequence

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.fuzz.running.counters import Counters
from tests.fuzz.saying.ends import Ends
from tests.fuzz.saying.wires import FUZZERS

# Where counters are kept.
COUNTERS = "FUZZ_COUNTERS"
# Numbers that are bound.
PORTS = "FUZZ_PORTS"
# How long a life may be, in seconds.
LIFE = 4.0
# So many things are said before others have the processor.
AT_ONCE = 16


class Attack:
    """
    One life of a fuzzer: it goes on until it is killed, or its time is over.
    """

    def __init__(self, wires: Sequence[str], seed: int) -> None:
        self._random = random.Random(seed)
        self._counters = Counters(os.environ[COUNTERS])
        ports = tuple(map(int, os.environ[PORTS].split(",")))
        ends = Ends.inherited(reactor.clusterLink.told.first, os.getcwd(), ports)
        self._fuzzers = [FUZZERS[wire](ends) for wire in wires]
        # Most say nothing wrong for a while, so that they are not killed at once.
        self._wildness = self._random.choice((0.0, 0.0, 0.001, 0.01, 0.3))
        # Nor as fast as they can, for that is found out too.
        self._rest = self._random.choice((0.0002, 0.005, 0.05))

    def run(self) -> None:
        """
        Say things, and end this process.
        """
        try:
            self._go(time.monotonic() + LIFE)
        except BaseException:
            with open(os.environ[COUNTERS] + ".errors", "a") as file:
                traceback.print_exc(file=file)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)

    def _go(self, end: float) -> None:
        while time.monotonic() < end:
            for _ in range(AT_ONCE):
                fuzzer = self._random.choice(self._fuzzers)
                if fuzzer.act(self._random, self._wildness):
                    self._counters.said += 1
                else:
                    time.sleep(0.001)
            time.sleep(self._rest)


def begin(wires: str, seed: str) -> None:
    """
    From now on this worker does nothing else: what it hears its loop is not to take.
    """
    link = reactor.clusterPorts  # type: ignore[attr-defined]
    reactor.callFromThread(link.control.reader.stop)
    attack = Attack(wires.split("+"), int(seed))
    threading.Thread(target=attack.run, daemon=True).start()


class Serve(Protocol):
    """
    Says which slot it is, or does harm.
    """

    _come = b""

    def dataReceived(self, data: bytes) -> None:
        self._come += data
        if b"\r\n\r\n" not in self._come:
            return
        path = self._come.split()[1].decode()
        if path.startswith("/harm/"):
            begin(*path.split("/")[2:4])
        slot = reactor.clusterLink.told.slot
        self.transport.write(b"HTTP/1.0 200 OK\r\n\r\n%d\n" % slot)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._come = b""


serve = Factory.forProtocol(Serve)
