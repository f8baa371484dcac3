"""
A primary's side of two workers, without processes: all that it has for them is real, and
its reactor is turned by hand. One of the workers is a fuzzer.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, cast

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ProcessTerminated
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from tests.fuzz.saying.ends import Ends
from tests.fuzz.saying.things import received, send
from tests.fuzz.saying.wires import FUZZERS
from tests.leftovers import openNow
from tests.primary.lives.turning import turn
from twisted_cluster.core import messages
from twisted_cluster.events import TCP, ListenSpec
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.wire.descriptors import CONTROL, LOG, MAIL, STACKS

# No turn takes so many seconds, on however slow a machine.
LONG = 5.0
# What the primary may have open beyond what it had at the start, and its ports' sockets.
MORE_DESCRIPTORS = 400


class Observer:
    """
    What the primary has logged; of what workers say of themselves nothing.

    @ivar wrong: What is to be in no log.
    @ivar refused: Who was killed, and why.
    """

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.refused: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        if "cluster_worker" in event and event["cluster_worker"] is not None:
            if not event["log_namespace"].startswith("twisted_cluster"):
                return
        text = formatEvent(event)
        isFailure = "log_failure" in event or event.get("isError")
        if event.get("cluster_system") is None and (
            isFailure or event.get("log_level") is LogLevel.critical
        ):
            trace = event["log_failure"].getTraceback() if "log_failure" in event else ""
            self.wrong.append(f"{text}\n{trace}")
        if text.endswith("; killed"):
            self.refused.append(text)


class Life:
    """
    One worker, from its birth to its burial.

    @ivar process: What the primary has of it.
    @ivar ends: What it has itself.
    """

    def __init__(
        self, rooms: Rooms, slot: int, id: int, directory: Path, ports: tuple[int, ...]
    ) -> None:
        self.process = WorkerProcess(rooms, slot, id, Recipe([]), Watcher())
        wires, output = self.process.kit.wires, self.process.kit.output
        theirs = cast(Any, wires.theirs)
        written = os.dup(output.childFDs()[1])
        os.set_blocking(written, False)
        self.ends = Ends(
            theirs[CONTROL].dup(),
            wires.queue.worker.dup(),
            theirs[MAIL].dup(),
            theirs[LOG].dup(),
            os.dup(wires.page.fileno()),
            os.dup(theirs[STACKS].fileno()),
            written,
            str(directory),
            ports,
        )
        wires.given()
        output.spawned(self.process.child)

    @property
    def kills(self) -> int:
        """
        How often it was killed.
        """
        return self.process.child._unsent.count(signal.SIGKILL)

    def tell(self, message: messages.Message) -> None:
        """
        Say something as a worker does.
        """
        send(self.ends.control, messages.encode(message))

    def end(self) -> None:
        """
        Its process is gone.
        """
        self.ends.close()
        killed = ProcessTerminated(None, signal.SIGKILL)
        self.process.child.processExited(Failure(killed))


class Ground:
    """
    @ivar longest: How long the longest turn was, in seconds.
    @ivar said: How many things were said.
    """

    def __init__(self, wires: Sequence[str], directory: Path) -> None:
        self._wires = wires
        self._directory = directory
        self.longest = 0.0
        self.said = 0
        self._ids = 0
        self._clients: list[socket.socket] = []
        self.observer = Observer()
        globalLogPublisher.addObserver(self.observer)
        self.reactor = EPollReactor()
        self.rooms = Rooms.make(cast(Any, self.reactor), RoundRobin, 0)
        listener = self.rooms.listeners.hold(ListenSpec(TCP, "127.0.0.1"))
        self._port = int(listener.name[1])
        self._spec = ListenSpec(TCP, "127.0.0.1", self._port)
        self._sibling = self._bear(2)
        self._begin()
        self.before = descriptors()

    def _begin(self) -> None:
        self._fuzzed = self._bear(1)
        ends = self._fuzzed.ends
        self._fuzzers = [FUZZERS[wire](ends) for wire in self._wires]
        self.observer.refused.clear()

    def _bear(self, slot: int) -> Life:
        self._ids += 1
        ports = (self._port,)
        life = Life(self.rooms, slot, self._ids, self._directory, ports)
        life.process.hand.page.headroom = 1000
        life.tell(messages.Listen(1, self._spec))
        life.tell(messages.Online())
        self.turn()
        return life

    def say(self, random: Random, wildness: float) -> None:
        """
        The fuzzer says something.
        """
        self.said += random.choice(self._fuzzers).act(random, wildness)

    def come(self) -> None:
        """
        A client connects.
        """
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", self._port))
        self._clients.append(client)
        if len(self._clients) > 20:
            self._clients.pop(0).close()

    def turn(self, count: int = 1) -> None:
        """
        The primary turns.
        """
        for _ in range(count):
            begun = time.monotonic()
            turn(self.reactor)
            self.longest = max(self.longest, time.monotonic() - begun)
        self.rooms.door.look()

    def serve(self) -> None:
        """
        The sibling takes what it is handed, and answers nobody.
        """
        page = self._sibling.process.hand.page
        page.heartbeat = time.monotonic_ns()
        for _, fds in received(self._sibling.ends.handoff):
            page.taken += len(fds)
            for fd in fds:
                os.close(fd)
        for end in (self._sibling.ends.control, self._sibling.ends.mail):
            for _, fds in received(end):
                for fd in fds:
                    os.close(fd)

    def replace(self) -> None:
        """
        The fuzzer's process ends; another one takes its place.
        """
        self._endOfFuzzed()
        self._begin()

    def _endOfFuzzed(self) -> None:
        for fuzzer in self._fuzzers:
            fuzzer.close()
        self._fuzzed.end()
        self.rooms.listeners.closeUnused()
        self.turn(3)

    def check(self) -> None:
        """
        All is as it is to be, whatever was said.
        """
        # What a reader raises is a failure in the log.
        assert not self.observer.wrong, "\n".join(self.observer.wrong)
        assert len(self.observer.refused) <= 1, self.observer.refused
        assert self._fuzzed.kills == len(self.observer.refused)
        assert len(self._fuzzed.process.kit.conversation._outbox) <= 4096
        for gate in self.rooms.door.gates.values():
            assert gate.room.lines.count <= gate.room.lines.most
        sockets = sum(one.sockets for one in self.rooms.listeners.byNumber.values())
        assert descriptors() <= self.before + sockets + MORE_DESCRIPTORS
        assert self.longest < LONG

    def close(self) -> None:
        """
        All end.
        """
        with ExitStack() as stack:
            stack.callback(globalLogPublisher.removeObserver, self.observer)
            stack.callback(self._removeAll)
            stack.callback(self.rooms.door.rest)
            stack.callback(self.rooms.listeners.closeAll)
            stack.callback(self._sibling.end)
            stack.callback(self._endOfFuzzed)
            for client in self._clients:
                client.close()
        for call in self.reactor.getDelayedCalls():
            call.cancel()

    def _removeAll(self) -> None:
        for reader in self.reactor.removeAll():
            reader.connectionLost(cast(Any, None))
        self.reactor._poller.close()
        for reader in self.reactor._internalReaders:
            reader.connectionLost(cast(Any, None))


def descriptors() -> int:
    """
    How many this process has.
    """
    return len(openNow())


@contextmanager
def ground(wires: Sequence[str], directory: Path) -> Iterator[Ground]:
    """
    One, that leaves nothing open.
    """
    before = Counter(opened())
    made = Ground(wires, directory)
    try:
        yield made
    finally:
        made.close()
    deadline = time.monotonic() + 4.0
    while left := Counter(opened()) - before:
        assert time.monotonic() < deadline, left
        gc.collect()
        time.sleep(0.01)


def opened() -> list[str]:
    """
    What this process has open.
    """
    found = []
    for number in openNow():
        with suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return sorted(found)
