"""
Templates that fail, and what is made of that.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any, cast

import pytest
from attrs import evolve
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from twisted_cluster.defaults import APP, TWISTED
from twisted_cluster.errors import StartError
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.warm import adopting
from twisted_cluster.primary.lives.warm.template import CHANNEL, STARTING
from twisted_cluster.primary.lives.warm.templates import (
    AGAIN,
    MOST,
    TRIES,
    Templates,
    canFork,
)
from twisted_cluster.wire.bootstrap import SCRIPT
from twisted_cluster.wire.order import READY

pytestmark = pytest.mark.skipif(not canFork(), reason="there are none here")


class Spawned:
    """
    A process that was started, which is none.
    """

    def __init__(self, protocol: ProcessProtocol, channel: int) -> None:
        self.pid: int | None = 1
        self.channel = socket.socket(fileno=os.dup(channel))
        self.protocol = protocol
        protocol.makeConnection(cast(Any, self))

    def signalProcess(self, number: str) -> None:
        """
        It is killed.
        """
        if self.pid is None:
            raise ProcessExitedAlready
        self.pid = None
        self.channel.close()

    def exit(self) -> None:
        """
        It ends by itself.
        """
        self.channel.close()
        self.protocol.processExited(Failure(ProcessDone(0)))


class Reactor(MemoryReactorClock):
    """
    Starts what is no process.
    """

    running = True

    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[Spawned] = []
        self.refuses: Exception | None = None

    def spawnProcess(self, protocol: ProcessProtocol, *given: object, **how: Any) -> None:
        """
        As L{IReactorProcess} has it.
        """
        if self.refuses is not None:
            raise self.refuses
        self.spawned.append(Spawned(protocol, how["childFDs"][CHANNEL]))


@pytest.fixture
def reactor() -> Reactor:
    """
    Of each test.
    """
    return Reactor()


@pytest.fixture
def templates(reactor: Reactor) -> Templates:
    """
    Of each test.
    """
    return Templates(cast(Any, reactor))


RECIPE = Recipe(["web"], warm=TWISTED)


def test_oneThatNeverAnswersIsGivenUp(reactor: Reactor, templates: Templates) -> None:
    """
    However long each attempt takes, the next is later, and the last one is soon. Workers
    wait for the first only; it is said when that fails, and when nothing more is tried.
    """
    with capturedLogs() as logged:
        templates.prepare(RECIPE)
        for count in range(1, TRIES + 1):
            assert len(reactor.spawned) == count
            assert templates.isBusy(1) == (count == 1)
            reactor.advance(STARTING[TWISTED])
            assert reactor.spawned[-1].pid is None
            assert not templates.isBusy(1)
            reactor.advance(AGAIN * count)
        reactor.advance(100 * AGAIN)
    first, last = map(formatEvent, logged)
    assert "no template, it has not answered within 15 s" in (first or "")
    assert "no other template is made until a reload" in (last or "")
    assert len(reactor.spawned) == TRIES
    assert not reactor.getDelayedCalls()


def test_whatCannotBeStartedIsNotWaitedFor(
    reactor: Reactor, templates: Templates
) -> None:
    """
    Whatever the reason is.
    """
    reactor.refuses = ValueError("no such thing")
    templates.prepare(RECIPE)
    assert not templates.isBusy(1)
    templates.close()


def test_itsEndMayBeKnownBeforeItsWord(reactor: Reactor, templates: Templates) -> None:
    """
    Which of the two the reactor sees first is chance.
    """
    recipe = evolve(RECIPE, warm=APP)
    templates.prepare(recipe)
    reactor.spawned[0].channel.send(b"no such module")
    reactor.spawned[0].exit()
    with pytest.raises(StartError, match="no such module"):
        templates.fork(ProcessProtocol(), recipe, [], {}, None, {})


def test_formerGenerationsMakeWay(reactor: Reactor, templates: Templates) -> None:
    """
    However often workers are reloaded, the newest have a template; the others have them
    for as long as there is room.
    """
    for generation in range(1, MOST + 3):
        templates.prepare(evolve(RECIPE, generation=generation))
        reactor.spawned[-1].channel.send(READY)
    assert [one.pid for one in reactor.spawned] == [None, None, *[1] * MOST]
    templates.prepare(evolve(RECIPE, command=["ftp"], generation=generation - MOST))
    assert len(reactor.spawned) == MOST + 2
    templates.close()
    assert not any(one.pid for one in reactor.spawned)


def test_scriptsShareOneWhateverTheyAreGiven(
    reactor: Reactor, templates: Templates
) -> None:
    """
    Each worker may have arguments of its own; nothing is imported for their sake.
    """
    for number in range(3):
        templates.prepare(Recipe(["a.py", f"{number}"], main=SCRIPT, warm=TWISTED))
    assert len(reactor.spawned) == 1
    templates.prepare(RECIPE)
    templates.prepare(evolve(RECIPE, command=["ftp"]))
    assert len(reactor.spawned) == 3
    templates.close()


def test_whatCanNoMoreBeImportedMayAgain(reactor: Reactor, templates: Templates) -> None:
    """
    Somebody installs the next release just when a template has died: that refuses no
    replacement for ever.
    """
    recipe = evolve(RECIPE, warm=APP)
    templates.prepare(recipe)
    reactor.spawned[0].channel.send(READY)
    reactor.spawned[0].exit()
    reactor.advance(AGAIN)
    reactor.spawned[1].channel.send(b"no such module")
    reactor.spawned[1].exit()
    assert templates.fork(ProcessProtocol(), recipe, [], {}, None, {}) is None
    reactor.advance(2 * AGAIN)
    assert len(reactor.spawned) == 3
    templates.close()


def test_systemMayNotGiveChildren(
    reactor: Reactor, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Then there is no template, and that is said once.
    """

    def prctl(*arguments: int) -> int:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(adopting, "prctl", prctl)
    adopting.whyCannotAdopt.cache_clear()
    with capturedLogs() as logged:
        templates.prepare(RECIPE)
        templates.prepare(RECIPE)
    adopting.whyCannotAdopt.cache_clear()
    assert not templates.isBusy(1)
    assert not reactor.spawned
    assert "no template, [Errno 1]" in (formatEvent(logged[0]) or "")
    assert len(logged) == 1
