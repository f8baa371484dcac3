"""
Programs that install a reactor themselves, though the worker has one: theirs takes its
place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import cast

from twisted.internet import main
from twisted.internet.error import ReactorAlreadyInstalledError
from twisted.internet.posixbase import PosixReactorBase

from twisted_cluster.errors import StartError
from twisted_cluster.kinds import REACTOR, checkedPosix, kindOf
from twisted_cluster.worker.ports.register import HasRegister

# What is not the reactor's own, but what others have made of it.
KEPT = (
    "clusterLink",
    "clusterPorts",
    "threadpool",
    "_threadpoolStartupID",
    "threadpoolShutdownID",
)
PHASES = ("before", "during", "after")


class Succession:
    """
    Lets another reactor follow the one that there is, as long as that has not run.

    Whoever holds a former one works with the new one: they become one in all but
    identity. So the wires are begun once, nothing is said twice, and ports, timers and
    triggers that somebody has made with a former one are served.
    """

    def __init__(
        self, first: PosixReactorBase, become: Callable[[PosixReactorBase], None]
    ) -> None:
        """
        @param first: The worker's.
        @param become: Makes a stock one a worker's.
        """
        self._all = [first]
        self._become = become
        self._install: Callable[[object], None] = main.installReactor

    def begin(self) -> None:
        """
        From now on. All functions that install a reactor look up this one.
        """
        main.installReactor = self.install

    def install(self, reactor: object) -> None:
        """
        @see: L{twisted.internet.main.installReactor}
        @raise ReactorAlreadyInstalledError: If the one that there is has run.
        @raise StartError: If this one cannot be a worker's.
        """
        if any(one is reactor for one in self._all):
            self._install(reactor)
            return
        present = self._all[-1]
        if present._startedBefore or present._started:
            raise ReactorAlreadyInstalledError(
                f"this worker runs on the reactor {kindOf(present)!r} already, and "
                f"{kindOf(reactor)!r} cannot take its place any more: install it before "
                "reactor.run()"
            )
        try:
            made = checkedPosix(reactor)
        except TypeError as error:
            raise StartError(f"twisted_cluster: {error}") from None
        self._become(made)
        _move(present, made)
        for former in self._all:
            former.__class__ = made.__class__
            former.__dict__ = made.__dict__
        self._all.append(made)
        sys.modules.pop(REACTOR, None)
        self._install(made)


def _move(old: PosixReactorBase, new: PosixReactorBase) -> None:
    """
    Let a reactor have all that was asked of another.
    """
    _moveDescriptors(old, new)
    _moveTriggers(old, new)
    for name in KEPT:
        if name in old.__dict__:
            setattr(new, name, old.__dict__[name])
    _moveCalls(old, new)


def _moveDescriptors(old: PosixReactorBase, new: PosixReactorBase) -> None:
    # The stock reactor knows nothing of ports that the primary accepts for.
    ports = cast(HasRegister, old).clusterPorts.all()
    passed = {old.waker, *(port for port in ports if port.hidden)}
    new._internalReaders |= old._internalReaders - {old.waker}
    for reader in old.getReaders():
        old.removeReader(reader)
        if reader not in passed:
            new.addReader(reader)
    for writer in old.getWriters():
        old.removeWriter(writer)
        new.addWriter(writer)
    old.waker.connectionLost(None)


def _moveTriggers(old: PosixReactorBase, new: PosixReactorBase) -> None:
    """
    All but those that each reactor has of its own.
    """
    for name, event in old._eventTriggers.items():
        there = new._eventTriggers.get(name)
        for phase in PHASES:
            own = {_ownName(call, new) for call, *_ in getattr(there, phase, ())}
            for call, given, named in getattr(event, phase):
                mine = _ownName(call, old)
                if mine is None or mine not in own:
                    new.addSystemEventTrigger(phase, name, call, *given, **named)


def _ownName(call: Callable[..., object], reactor: object) -> str | None:
    isOwn = getattr(call, "__self__", None) is reactor
    return getattr(call, "__name__", None) if isOwn else None


def _moveCalls(old: PosixReactorBase, new: PosixReactorBase) -> None:
    for call in [*old._pendingTimedCalls, *old._newTimedCalls]:
        if call.active():
            call.canceller = new._cancelCallLater
            call.resetter = new._moveCallLaterSooner
            new._newTimedCalls.append(call)
    new.threadCallQueue.extend(old.threadCallQueue)
    new.wakeUp()
    if hasattr(new, "_reschedule"):
        new._reschedule()
