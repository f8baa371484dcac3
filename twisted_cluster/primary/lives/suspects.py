"""
Sockets that workers have as well: what they do to them is undone, and who may have done
it makes way.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Sequence

from twisted.logger import Logger

from twisted_cluster.core.messages import HANDOFF
from twisted_cluster.errors import MessageError
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.told import namesOf
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.soundness import BLOCKS, Soundness
from twisted_cluster.primary.ports.table import ListenerTable

log = Logger()
REPLACED = "one of those who hold a socket that all share has done harm to it"


class Suspects:
    """
    Looks at each socket that workers have. Of one that all have nobody can know which of
    them did it: all make way for others.
    """

    def __init__(
        self,
        listeners: ListenerTable,
        workers: Callable[[], Iterable[WorkerProcess]],
        replace: Callable[[WorkerProcess], None] | None = None,
    ) -> None:
        """
        @param workers: Gives those that there are.
        @param replace: Has a worker make way; L{None} if that is not for this process.
        """
        self._listeners = listeners
        self._workers = workers
        self._replace = replace
        self._looks = 0

    def look(self) -> None:
        """
        To be called some 20 times a second. Only one port is looked at closely.
        """
        self._looks += 1
        shared = [one for one in self._listeners.byNumber.values() if _isHeld(one)]
        for place, listener in enumerate(shared):
            if listener.group is not None:
                self._lookAtGroup(listener)
            elif listener.sound is not None:
                isClose = place == self._looks % len(shared)
                self._lookAt(listener, listener.sound, isClose)

    def _lookAt(self, listener: Listener, sound: Soundness, isClose: bool) -> None:
        done = sound.lookClosely() if isClose else sound.look()
        if not done:
            return
        # Who goes on with it is not to have the same one once more.
        isNew = not listener.suspects & listener.given
        if isNew:
            self._suspect(listener, done)
        if not (isNew and sound.mend()):
            self._replaceSocket(listener, sound)
        if BLOCKS in done:
            self._wake(listener)

    def _replaceSocket(self, listener: Listener, sound: Soundness) -> None:
        having = set(listener.given)
        try:
            listener.bindAnew()
        except OSError as error:
            log.debug("{place}: {error}", place=listener.place, error=error)
            # As long as one of them has that socket there can be no other.
            for worker in self._have(having):
                worker.kill(REPLACED)
            sound.mend()

    def _suspect(self, listener: Listener, done: Sequence[str]) -> None:
        listener.suspects |= listener.given
        workers = self._have(listener.given)
        fate = "are to be replaced" if self._replace is None else "make way for others"
        log.error(
            "{workers}: one of them has taken the socket of {place}, which they share, "
            "and {done}; that is undone, and they {fate}",
            place=listener.place,
            workers=namesOf(workers, bare=True),
            done=" and ".join(done),
            fate=fate,
        )
        if self._replace is not None:
            for worker in workers:
                self._replace(worker)

    def _wake(self, listener: Listener) -> None:
        """
        Who waits in accept(2) tries again: now it does not block any more.
        """
        for worker in self._have(listener.given | listener.suspects):
            for number in (signal.SIGSTOP, signal.SIGCONT):
                worker.signalProcess(number)

    def _lookAtGroup(self, listener: Listener) -> None:
        assert listener.group is not None, "it has none"
        for ids in listener.group.look().values():
            for worker in self._have(ids):
                done = f"it has shut its socket of {listener.place} down"
                worker.refuse(MessageError(done))

    def _have(self, ids: set[int]) -> list[WorkerProcess]:
        return [one for one in self._workers() if one.id in ids]


def _isHeld(listener: Listener) -> bool:
    """
    Whether workers have its sockets, and those are to be as they were.
    """
    return listener.mode != HANDOFF and not listener.isRefusing
