"""
Sockets that workers have as well: what they do to them is undone, and who may have done
it makes way.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_cluster.core.messages import HANDOFF
from twisted_cluster.errors import MessageError
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.told import namesOf
from twisted_cluster.primary.ports.group import SocketGroup
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.soundness import (
    BLOCKS,
    CONNECTED,
    SHUT_DOWN,
    Soundness,
)
from twisted_cluster.primary.ports.table import ListenerTable
from twisted_cluster.wire.aside import Aside

log = Logger()
# A port is looked at closely with each look; where there are so many with every second,
# twice as many every third, but with every fourth at least: some 60 us of another thread.
FEW = 2
CLOSELY = 4
# Seconds to the next look while one is not over, and for so many after harm was done:
# nobody is served meanwhile, and who did it may do it again.
SOON = 0.004
WARY = 1.0
# Seconds that are waited for a socket that serves nobody; it takes some 0.2 ms.
AT_ONCE = 0.01
# Seconds after which a socket is not waited for that somebody keeps locked; and where it
# is not seen that its lock is waited for: a machine may be that busy.
LOCKED = 1.0
UNSEEN = 10.0
REPLACED = "one of those who hold a socket that all share has done harm to it"


@frozen
class Found:
    """
    What was found of a socket.

    @ivar done: What has been done to it; nothing if it is sound.
    @ivar isMended: Whether it is again what it was; else it is retired.
    """

    done: Sequence[str]
    isMended: bool = True


def examine(sound: Soundness, mayMend: bool) -> Found:
    """
    Look at a socket, and do what can be done.
    """
    done = sound.lookClosely()
    # Those who waited there are lost already, and who did it need not have it again.
    mayMend = mayMend and not {SHUT_DOWN, CONNECTED} & set(done)
    if not done or (mayMend and sound.mend()):
        return Found(done)
    sound.retire()
    return Found(done, False)


def _isLocked(aside: Aside[Found]) -> bool:
    seconds = time.monotonic() - aside.begun
    return seconds > UNSEEN or (seconds > LOCKED and aside.isAsleep())


class Suspects:
    """
    Looks at each socket that workers have. Of one that all have nobody can know which of
    them did it: all make way for others.
    """

    def __init__(
        self,
        listeners: ListenerTable,
        workers: Callable[[], Iterable[WorkerProcess]],
        clock: IReactorTime,
        replace: Callable[[WorkerProcess], None] | None = None,
    ) -> None:
        """
        @param workers: Gives those that there are.
        @param replace: Has a worker make way; L{None} if that is not for this process.
        """
        self._listeners = listeners
        self._workers = workers
        self._replace = replace
        self._clock = clock
        self._looks = 0
        self._wary = 0.0
        self._again: IDelayedCall | None = None
        self._asides: dict[int, Aside[Found]] = {}

    def look(self) -> None:
        """
        To be called some 20 times a second.
        """
        self._looks += 1
        self._lookAtAll(True)

    def _lookAgain(self) -> None:
        self._again = None
        self._lookAtAll(False)

    def _lookAtAll(self, isDue: bool) -> None:
        """
        @param isDue: Whether to look closely also where nothing is seen.
        """
        there = self._listeners.byNumber
        self._asides = {n: aside for n, aside in self._asides.items() if n in there}
        for listener in list(there.values()):
            if listener.mode == HANDOFF or listener.isChanged:
                continue
            if listener.group is not None:
                self._lookAtGroup(listener)
            elif listener.sound is not None:
                self._lookAt(listener, listener.sound, isDue)
        if self._again is None and (self._asides or time.monotonic() < self._wary):
            self._again = self._clock.callLater(SOON, self._lookAgain)

    def _isCloselyDue(self, listener: Listener) -> bool:
        every = min(CLOSELY, 1 + len(self._listeners.byNumber) // FEW)
        return not (self._looks + listener.number) % every

    def _lookAt(self, listener: Listener, sound: Soundness, isDue: bool) -> None:
        aside = self._asides.get(listener.number)
        if aside is None:
            isBad = bool(sound.look())
            if not isBad and not (isDue and self._isCloselyDue(listener)):
                return
            mayMend = not listener.suspects & listener.given
            try:
                aside = Aside(partial(examine, sound, mayMend))
            except RuntimeError:
                # No thread can be had: perhaps at the next look.
                return
            self._asides[listener.number] = aside
            if not (isBad and aside.isDone(AT_ONCE)):
                return
        if aside.isDone():
            del self._asides[listener.number]
            with suppress(OSError):
                self._deal(listener, aside.result())
        elif _isLocked(aside):
            self._unlock(listener, aside)

    def _unlock(self, listener: Listener, aside: Aside[Found]) -> None:
        """
        Who keeps a socket locked must go, before anything can be done about it.
        """
        aside.begun = time.monotonic()
        self._accuse(listener, "keeps it locked; they are killed")
        for worker in self._have(listener.given):
            worker.kill(REPLACED)

    def _deal(self, listener: Listener, found: Found) -> None:
        if not found.done:
            return
        self._wary = time.monotonic() + WARY
        if not listener.suspects & listener.given:
            self._suspect(listener, found.done)
        if not found.isMended:
            self._replaceSocket(listener)
        if BLOCKS in found.done:
            self._wake(listener)

    def _replaceSocket(self, listener: Listener) -> None:
        having = self._have(listener.given)
        try:
            self._listeners.bindAnew(listener)
        except OSError as error:
            log.debug("{place}: {error}", place=listener.place, error=error)
            # As long as one of them has that socket there can be no other.
            for worker in having:
                worker.kill(REPLACED)

    def _suspect(self, listener: Listener, done: Sequence[str]) -> None:
        listener.suspects |= listener.given
        fate = "are to be replaced" if self._replace is None else "make way for others"
        self._accuse(
            listener, f"has {' and '.join(done)}; that is undone, and they {fate}"
        )
        if self._replace is not None:
            for worker in self._have(listener.given):
                self._replace(worker)

    def _accuse(self, listener: Listener, what: str) -> None:
        log.error(
            "{workers}: one of those who share the socket of {place} {what}",
            workers=namesOf(self._have(listener.given), bare=True),
            place=listener.place,
            what=what,
        )

    def _wake(self, listener: Listener) -> None:
        """
        Who waits in accept(2) tries again: now it does not block any more.
        """
        for worker in self._have(listener.given | listener.suspects):
            for number in (signal.SIGSTOP, signal.SIGCONT):
                worker.signalProcess(number)

    def _lookAtGroup(self, listener: Listener) -> None:
        assert listener.group is not None, "it has none"
        isServer = listener.spec.port != 0
        for slot, ids in listener.group.look(isServer).items():
            if len(ids) > 1:
                self._replaceMember(listener, listener.group, slot, ids)
                continue
            for worker in self._have(ids):
                done = f"it has broken its socket of {listener.place}"
                worker.refuse(MessageError(done))

    def _replaceMember(
        self, listener: Listener, group: SocketGroup, slot: int, ids: set[int]
    ) -> None:
        """
        Of one that several workers have had, one after the other, nobody can know which
        of them did it: what a worker has started may have it when the worker is gone.
        """
        try:
            group.renew(slot)
        except OSError as error:
            log.debug("{place}: {error}", place=listener.place, error=error)
            return
        having = self._have(ids)
        fate = "are killed" if self._replace is None else "make way for others"
        log.error(
            "{workers}: one of those who have the socket of {place} in slot {slot}, or "
            "had it before, has broken it; another is in its place, and they {fate}",
            workers=namesOf(having, bare=True),
            place=listener.place,
            slot=slot,
            fate=fate,
        )
        for worker in having:
            if self._replace is None:
                worker.kill(REPLACED)
            else:
                self._replace(worker)

    def _have(self, ids: set[int]) -> list[WorkerProcess]:
        return [one for one in self._workers() if one.id in ids]
