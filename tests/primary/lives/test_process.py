"""
A worker process, without one: how it is begun, and buried.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, cast

import pytest
from twisted.internet.error import ProcessTerminated
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from tests.leftovers import openNow
from tests.logged import Logged
from twisted_cluster.core import frames, messages
from twisted_cluster.errors import SettingsError
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.door.hands import descriptors
from twisted_cluster.primary.lives.conversation import MESSAGES_A_TURN
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.descriptors import CONTROL, MAIL
from twisted_cluster.wire.passing import give


class Told(Watcher[WorkerProcess]):
    """
    @ivar events: What has become of the worker.
    """

    def __init__(self) -> None:
        self.events: list[object] = []

    def online(self, worker: WorkerProcess) -> None:
        self.events.append("online")

    def told(self, worker: WorkerProcess) -> None:
        self.events.append("told")

    def leaving(self, worker: WorkerProcess, planned: bool) -> None:
        self.events.append(("leaving", planned))

    def gone(self, worker: WorkerProcess, asked: bool) -> None:
        self.events.append(("gone", asked))


class Life:
    """
    A worker that has all but a process.

    @ivar queue: Its end of the handoff queue.
    @ivar channel: Its end of the control channel.
    """

    def __init__(self) -> None:
        self.told = Told()
        self.rooms = Rooms.make(cast(Any, MemoryReactorClock()), RoundRobin, 0)
        self.process = WorkerProcess(self.rooms, 1, 1, Recipe([]), self.told)
        ours = self.process.kit.wires
        self.queue = ours.queue.worker.dup()
        self.channel = Channel(ours.theirs[CONTROL].dup())
        self.mail = ours.theirs[MAIL].dup()
        ours.given()
        self.process.kit.output.spawned(self.process.child)

    def exit(self, code: int | None = 1, signal: int | None = None) -> None:
        self.process.child.processExited(Failure(ProcessTerminated(code, signal)))

    def close(self) -> None:
        self.queue.close()
        self.channel.close()
        self.mail.close()
        self.rooms.door.rest()


def wires() -> int:
    """
    How many ends of wires, and pages, this process has open.
    """
    fds = [f"/proc/self/fd/{fd}" for fd in openNow()]
    kinds = [os.readlink(fd) for fd in fds if os.path.islink(fd)]
    return sum(kind.startswith(("socket:", "/memfd:")) for kind in kinds)


@pytest.fixture
def life() -> Iterator[Life]:
    """
    A worker that is about to start; at the end nothing of it is open.
    """
    before = wires()
    made = Life()
    yield made
    made.close()
    assert wires() == before


def test_rubbishInItsQueueDoesNotKeepItFromItsGrave(life: Life, logged: Logged) -> None:
    """
    Else its slot would stay empty, and no stop would ever end.
    """
    for _ in range(3):
        life.queue.send(b"rubbish")
    life.exit()
    assert life.told.events == [("gone", False)]


@pytest.mark.parametrize("part", ["output", "records", "conversation"])
def test_whateverFailsItIsBuried(
    life: Life, logged: Logged, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """
    recvmsg(2) and read(2) fail with ENOMEM.
    """

    def fail(*arguments: object) -> None:
        monkeypatch.undo()
        raise OSError(12, "no memory")

    names = {"conversation": "read", "output": "outlive", "records": "finish"}
    name = names[part]
    monkeypatch.setattr(getattr(life.process.kit, part), name, fail)
    life.exit()
    if part == "output":
        life.process.kit.output.finish()
    assert life.told.events == [("gone", False)]
    failures = [event["log_failure"] for event in logged.events if "log_failure" in event]
    assert [failure.value.errno for failure in failures] == [12]


def test_allOfItsLastWordsAreHeard(life: Life) -> None:
    """
    However many: the last of them says why it ends.
    """
    for _ in range(2 * MESSAGES_A_TURN):
        life.channel.send(messages.Room())
    life.channel.send(messages.Leaving(planned=True))
    life.exit(0)
    assert life.told.events == [("leaving", True), ("gone", True)]


@pytest.mark.parametrize("planned", [True, False])
def test_thatItLeavesIsHeardOnce(life: Life, planned: bool) -> None:
    """
    Else one that says it without end fills the log, and puts off its successor.
    """
    life.channel.send(messages.Online())
    for _ in range(MESSAGES_A_TURN // 2):
        life.channel.send(messages.Leaving(planned))
    life.process.kit.conversation.read()
    heard = ("leaving", True) if planned else "told"
    assert life.told.events == ["online", heard]
    life.exit(0)


@pytest.mark.parametrize("kind", [frames.MESSAGE, frames.ASK])
def test_whatCameWithWhatNobodyHasHeardIsClosed(life: Life, kind: int) -> None:
    """
    Else a primary, where nobody ever hears messages, would soon have no descriptors.
    """
    reading, writing = os.pipe()
    frame = frames.Frame(kind, frames.HANDLE, 1, b"", b"1")
    give(life.mail, [frames.packHead(frame), frame.body], [writing])
    os.close(writing)
    life.process.peer.mail.readOnce()
    life.exit()
    openNow()
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b""


def test_whatItSaysOfItsConnectionsIsNoMoreThanItCanHave(
    life: Life, logged: Logged
) -> None:
    """
    Of each number that counts for it in what is told.
    """
    process, page = life.process, life.process.kit.wires.page
    page.opened, page.closed = 7, 2
    assert (process.served, process.ending.cut) == (5, 5)
    page.opened = 2**64 - 1
    assert process.served == descriptors()
    page.cut = 2**64 - 1
    assert process.ending.cut == descriptors()
    page.closed = 2**64 - 1
    assert process.served == 0
    life.exit()


def test_whatCannotBeMadeLeavesNothing() -> None:
    """
    There is no such codec.
    """
    before = wires()
    rooms = Rooms.make(cast(Any, MemoryReactorClock()), RoundRobin, 0)
    recipe = Recipe([], serialization="pickle")
    with pytest.raises(SettingsError) as caught:
        WorkerProcess(rooms, 1, 1, recipe, Told())
    assert wires() == before, caught
