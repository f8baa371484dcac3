"""
One process.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.process import reapProcessHandlers
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from twisted_cluster.primary.lives.child import ABORTING, LEAVING, Child
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.warm.templates import Templates


class Streams:
    """
    @ivar told: What was read, and what was closed.
    """

    def __init__(self) -> None:
        self.told: list[object] = []

    def childFDs(self) -> dict[int, int | str]:
        return {}

    def spawned(self, process: object) -> None:
        self.told.append("spawned")

    def received(self, fd: int, data: bytes) -> None:
        self.told.append((fd, data))

    def closed(self, fd: int) -> None:
        self.told.append(fd)

    def outlive(self, ended: object) -> bool:
        return False

    def finish(self) -> None:
        self.told.append("finish")


class Transport:
    """
    A process of the system's.

    @ivar signals: Those that it was sent.
    @ivar hasEnded: Whether it can be sent any.
    """

    pid = 100
    hasEnded = False

    def __init__(self) -> None:
        self.signals: list[int] = []

    def signalProcess(self, number: int) -> None:
        if self.hasEnded:
            raise ProcessExitedAlready
        self.signals.append(number)


class Reactor:
    """
    Starts what it can, in its head.
    """

    def __init__(self) -> None:
        self.transport = Transport()
        self.asked: dict[str, Any] = {}

    def spawnProcess(self, child: Child, *command: Any, **more: Any) -> Transport:
        self.asked = {"command": command, **more}
        child.makeConnection(self.transport)
        return self.transport


@pytest.fixture
def ended() -> list[str]:
    """
    What was told of the child's end.
    """
    return []


@pytest.fixture
def clock() -> Clock:
    """
    Seconds, which a test lets pass.
    """
    return Clock()


@pytest.fixture
def child(clock: Clock, ended: list[str]) -> Child:
    """
    One that has not started.
    """
    return Child(clock, Streams(), lambda: ended.append("exited"))


def start(child: Child) -> Reactor:
    reactor = Reactor()
    recipe = Recipe(["it"], uid=1, gid=2, directory="/")
    templates = Templates(reactor)  # type: ignore[arg-type]
    child.start(reactor, templates, recipe, {"A": "b"}, {0: 5})  # type: ignore[arg-type]
    return reactor


def test_thisPythonIsRun(child: Child) -> None:
    """
    With what it is given.
    """
    asked, python = start(child).asked, os.fsencode(sys.executable)
    executable, command = asked["command"]
    assert executable == command[0] == python
    assert command[-1] == b"it"
    assert (asked["env"], asked["childFDs"]) == ({b"A": b"b"}, {0: 5})
    assert (asked["path"], asked["uid"], asked["gid"]) == ("/", 1, 2)
    assert child.pid == 100


def test_whatWasSentTooEarlyComesWhenItStarts(child: Child) -> None:
    """
    In its order.
    """
    child.signal(signal.SIGTERM)
    child.kill()
    assert child.pid is None
    assert start(child).transport.signals == [signal.SIGTERM, signal.SIGKILL]
    assert child.isKilled


def test_whoHasEndedIsLetBe(child: Child) -> None:
    """
    It cannot be told anything.
    """
    reactor = start(child)
    reactor.transport.hasEnded = True
    child.signal(signal.SIGTERM)


@pytest.mark.parametrize(
    ("status", "ending", "isTold"),
    [
        (ProcessDone(0), 0, False),
        (ProcessTerminated(exitCode=3), 3, False),
        (ProcessTerminated(signal=signal.SIGKILL), "SIGKILL", False),
        (ProcessTerminated(signal=signal.SIGSEGV), "SIGSEGV", False),
        (ProcessTerminated(signal=signal.SIGTERM), "SIGTERM", True),
        (ProcessTerminated(signal=signal.SIGHUP), "SIGHUP", True),
        (ProcessTerminated(signal=40), "SIG40", False),
    ],
)
def test_howItEndedIsKnown(
    child: Child, ended: list[str], status: Exception, ending: str | int, isTold: bool
) -> None:
    """
    By a signal or by itself, and whether somebody has told it to.
    """
    start(child)
    child.processExited(Failure(status))
    known = child.exitCode if child.exitSignal is None else child.exitSignal
    assert (known, child.isTold, ended) == (ending, isTold, ["exited"])


def test_whomTheSystemCannotKillIsLeftBehind(
    child: Child, clock: Clock, ended: list[str]
) -> None:
    """
    Some seconds after SIGKILL it is as good as gone; that it ends after all changes
    nothing.
    """
    transport = start(child).transport
    child.abort()
    clock.advance(ABORTING)
    child.kill()
    assert transport.signals == [signal.SIGABRT, signal.SIGKILL, signal.SIGKILL]
    clock.advance(LEAVING - 0.1)
    assert (ended, child.isLeft) == ([], False)
    clock.advance(0.1)
    assert (ended, child.isLeft) == (["exited"], True)
    child.kill()
    child.processExited(Failure(ProcessTerminated(signal=signal.SIGKILL)))
    assert ended == ["exited"]
    assert child.exitSignal == "SIGKILL"
    assert clock.getDelayedCalls() == []


def test_whoEndsInTimeIsNotLeftBehind(
    child: Child, clock: Clock, ended: list[str]
) -> None:
    """
    Nothing waits for it then.
    """
    start(child)
    child.kill()
    child.processExited(Failure(ProcessTerminated(signal=signal.SIGKILL)))
    assert (ended, child.isLeft, clock.getDelayedCalls()) == (["exited"], False, [])


def test_whoHasEndedMeanwhileIsNotLeftBehind(
    child: Child, clock: Clock, ended: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    This process was stopped itself, and sees the exit no sooner.
    """
    transport = start(child).transport

    def reapProcess() -> None:
        child.processExited(Failure(ProcessTerminated(signal=signal.SIGKILL)))

    monkeypatch.setattr(transport, "reapProcess", reapProcess, raising=False)
    monkeypatch.setitem(reapProcessHandlers, transport.pid, transport)
    child.kill()
    clock.advance(LEAVING)
    assert (ended, child.isLeft, child.exitSignal) == (["exited"], False, "SIGKILL")
