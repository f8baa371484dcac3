"""
One worker: its start, what it is told, its burial; without a process.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from tests.leftovers import openNow
from tests.logged import Logged
from twisted_cluster.core.messages import Born, Drain, Leaving, Listening, Online
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.census import workerSnapshot
from twisted_cluster.primary.lives.child import LEAVING, Child
from twisted_cluster.primary.lives.conversation import FLUSH
from twisted_cluster.primary.lives.patience import FOR_ITS_STOP
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.descriptors import CONTROL

DRAIN = 10.0


class Streams:
    """
    Standard streams that nobody writes to.

    @ivar told: What happened to them.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def childFDs(self) -> dict[int, int | str]:
        return {0: "w", 1: "r", 2: "r"}

    def spawned(self, process: object) -> None:
        self.told.append("spawned")

    def received(self, fd: int, data: bytes) -> None:
        pass

    def closed(self, fd: int) -> None:
        pass

    def outlive(self, ended: Callable[[], None]) -> bool:
        self.finish()
        return False

    def finish(self) -> None:
        self.told.append("finish")


class System(MemoryReactorClock):
    """
    Starts processes in its head.

    @ivar refuses: What a start raises, if it does.
    @ivar ends: Copies of what the process was given of its wires, in their order.
    @ivar signals: Those that it was sent.
    """

    pid = 100

    def __init__(self) -> None:
        super().__init__()
        self.refuses: OSError | None = None
        self.ends: list[int] = []
        self.signals: list[int] = []

    def spawnProcess(
        self, child: Child, *command: Any, childFDs: Mapping[int, Any], **more: Any
    ) -> System:
        if self.refuses is not None:
            raise self.refuses
        self.ends = [os.dup(childFDs[fd]) for fd in sorted(childFDs) if fd > 2]
        child.makeConnection(self)
        return self

    def signalProcess(self, number: int) -> None:
        self.signals.append(number)


class Life:
    """
    A worker, and what became of it.

    @ivar heard: That.
    @ivar before: The descriptors that there were without it.
    @ivar channel: The worker's own end, once it is started.
    """

    channel: Channel

    def __init__(self) -> None:
        # What others have left is not to go meanwhile.
        gc.collect()
        self.before = openNow()
        self.system = System()
        self.streams = Streams()
        self.heard: list[object] = []
        self.rooms = Rooms.make(self.system, RoundRobin, 0)
        recipe = Recipe(["x"], drainTimeout=DRAIN, newOutput=lambda *_: self.streams)
        self.worker = WorkerProcess(self.rooms, 2, 7, recipe, self)

    def start(self) -> None:
        self.worker.spawn()
        self.channel = Channel(socket.socket(fileno=os.dup(self.system.ends[CONTROL])))

    def say(self, *said: Any) -> None:
        for message in said:
            self.channel.send(message)
        for reader in self.system.getReaders():
            reader.doRead()

    def told(self) -> object:
        """
        The next of what the worker is told.
        """
        message, _ = self.channel.receive()
        return message

    def isTold(self) -> bool:
        """
        Whether there is anything more of that.
        """
        try:
            self.told()
        except BlockingIOError:
            return False
        return True

    def exit(self, number: int | None = None) -> None:
        """
        The process ends.

        @param number: By this signal, if by any.
        """
        reason = ProcessDone(0) if number is None else ProcessTerminated(signal=number)
        self.worker.child.processExited(Failure(reason))

    def close(self) -> None:
        self.rooms.door.rest()
        for fd in self.system.ends:
            os.close(fd)
        if self.system.ends:
            self.channel.close()

    # What a worker tells

    def born(self, worker: WorkerProcess) -> None:
        self.heard.append("born")

    def online(self, worker: WorkerProcess) -> None:
        self.heard.append("online")

    def listening(self, worker: WorkerProcess, where: Listening) -> None:
        self.heard.append("listening")

    def leaving(self, worker: WorkerProcess, planned: bool) -> None:
        self.heard.append(("leaving", planned))

    def disconnected(self, worker: WorkerProcess) -> None:
        self.heard.append("disconnected")

    def gone(self, worker: WorkerProcess, asked: bool) -> None:
        self.heard.append(("gone", asked))


@pytest.fixture
def life() -> Iterator[Life]:
    """
    One that has not started.
    """
    made = Life()
    yield made
    made.close()


@pytest.fixture
def ready(life: Life) -> Life:
    """
    One whose application has started.
    """
    life.start()
    life.say(Born(), Online())
    assert life.heard == ["born", "online"]
    life.heard.clear()
    return life


def test_itIsOfferedConnectionsWhileItIsReady(life: Life) -> None:
    """
    Not before, and not when it is to end.
    """
    members = life.rooms.door._roster.members
    life.start()
    assert life.worker.state == "starting"
    assert 7 not in members
    life.say(Born(), Online())
    assert life.worker.state == "ready"
    assert life.worker.isOnline
    assert 7 in members
    life.worker.retire()
    assert life.worker.state == "leaving"
    assert not life.worker.isOnline
    assert 7 not in members


def test_aStartThatIsRefusedLeavesNothing(life: Life) -> None:
    """
    No descriptor, nothing that is read.
    """
    life.system.refuses = OSError(errno.EAGAIN, "no")
    with pytest.raises(OSError, match="no"):
        life.worker.spawn()
    assert life.streams.told == ["finish", "spawned"]
    assert life.system.getReaders() == []
    assert openNow() == life.before


def test_whatItWasSentComesBeforeItIsToldToEnd(ready: Life) -> None:
    """
    But if it does not read that it is told all the same, soon.
    """
    ready.worker.retire()
    assert ready.told() == Drain(DRAIN)


def test_whoReadsNothingIsToldAllTheSame(ready: Life) -> None:
    """
    With most of its time before it.
    """
    while not ready.worker.peer.mail.waiting:
        ready.worker.peer.send("x" * 100_000, None, b"", False)
    ready.worker.retire()
    assert not ready.isTold()
    ready.system.advance(FLUSH)
    assert ready.told() == Drain(DRAIN)


def test_whoDoesNotEndInTimeIsKilled(ready: Life) -> None:
    """
    Its drain, and then its own stop, have their time; it is told once to end.
    """
    ready.worker.retire()
    ready.system.advance(DRAIN + FOR_ITS_STOP / 2)
    ready.worker.retire()
    assert ready.system.signals == []
    ready.system.advance(FOR_ITS_STOP / 2)
    assert ready.system.signals == [signal.SIGKILL]
    ready.exit(signal.SIGKILL)
    ending = ready.worker.ending
    assert ending.level == "warn"
    assert ending.inWords() == "was killed after 12 s: it had not ended within 12 s"


def test_whoCannotBeKilledIsBuriedOnce(ready: Life) -> None:
    """
    While it is there still: its wires are cut, and its late exit is nobody's business.
    """
    ready.worker.kill("it is no worker of ours")
    assert workerSnapshot(ready.worker, 0).state == "leaving"
    ready.system.advance(LEAVING)
    assert ready.heard == ["disconnected", ("gone", False)]
    ending = ready.worker.ending
    assert ending.level == "error"
    assert ending.inWords() == (
        "cannot be killed, and is left behind after 5.0 s: it is no worker of ours; "
        "what it waits for: /proc/100/task/*/wchan"
    )
    assert ready.system.getReaders() == []
    ready.exit(signal.SIGKILL)
    assert ready.heard == ["disconnected", ("gone", False)]
    assert ready.system.getDelayedCalls() == []


def test_whoWasAskedToEndHasAPlannedEnd(ready: Life) -> None:
    """
    Its wires are cut, and no timer waits for it.
    """
    ready.worker.retire()
    ready.exit()
    assert ready.heard == ["disconnected", ("gone", True)]
    assert ready.streams.told == ["spawned", "finish"]
    assert ready.worker.ending.inWords() == "ended after 0.0 s"
    assert ready.system.getReaders() == []
    assert ready.system.getDelayedCalls() == []


@pytest.mark.parametrize("isRead", [True, False])
def test_whoIsKilledHasNoPlannedEnd(ready: Life, isRead: bool) -> None:
    """
    Whether the end of its channel is seen before that of its process, or not at all.
    """
    ready.channel.close()
    for fd in ready.system.ends:
        os.close(fd)
    ready.system.ends.clear()
    if isRead:
        for reader in ready.system.getReaders():
            reader.doRead()
        assert ready.heard == ["disconnected"]
    ready.exit(signal.SIGKILL)
    assert ready.heard == ["disconnected", ("gone", False)]


def test_itsLastWordsAreHeard(ready: Life) -> None:
    """
    It said that it leaves, and has ended before that was read.
    """
    ready.channel.send(Leaving(planned=True))
    ready.exit()
    assert ready.heard == [("leaving", True), "disconnected", ("gone", True)]


def test_burialIsGuarded(ready: Life, logged: Logged) -> None:
    """
    What one step of it raises is logged, and somebody is told of the end.
    """

    def fail() -> None:
        raise OSError("no")

    ready.streams.finish = fail  # type: ignore[method-assign]
    ready.exit(signal.SIGSEGV)
    assert ready.heard == ["disconnected", ("gone", False)]
    assert "worker 2 (100): cannot log what it wrote" in logged.texts()
    assert ready.worker.ending.inWords() == "died of SIGSEGV after 0.0 s"
    assert ready.system.getReaders() == []


def test_aChannelThatIsClosedHereIsAPlannedEnd(ready: Life) -> None:
    """
    It is told nothing more, and has its time.
    """
    ready.worker.disconnect()
    assert ready.heard == ["disconnected"]
    assert not ready.worker.isConnected
    ready.system.advance(DRAIN + FOR_ITS_STOP)
    assert ready.system.signals == [signal.SIGKILL]
    ready.exit(signal.SIGKILL)
    assert ready.heard == ["disconnected", ("gone", True)]
