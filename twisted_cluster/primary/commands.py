"""
What a cluster can be told to do, as methods of it.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.logger import Logger

from twisted_cluster.core.verbs import Progress
from twisted_cluster.errors import CommandError
from twisted_cluster.primary.assembly import Assembly
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.verbs.reloading import Manner, Reloader, drain

if TYPE_CHECKING:
    from typing_extensions import Unpack

log = Logger()


def tellNobody(said: str) -> None:
    """
    Whoever asks does not want to know how far it is.
    """


class Commands:
    """
    Each fires when it is done, or fails with L{CommandError}, whose text is for who asks.
    The parameter C{progress} is called with a line of text for each step on the way.
    """

    _assembly: Assembly

    @property
    def _isRunning(self) -> bool:
        """
        Whether it has started, and does not stop.
        """
        raise NotImplementedError

    def reload(
        self, *, progress: Progress = tellNobody, **how: Unpack[Manner]
    ) -> Deferred[None]:
        """
        Replace all workers by new ones, which are there before the old ones leave.

        @param how: See L{Manner}.
        @return: Fires when all are new; fails if one of them is no good, and all is as
            before.
        """
        parts = self._assembly
        config = parts.config
        reloader = Reloader(
            config.rules,
            parts.supervisor,
            parts.releases,
            config.newPolicy,
            parts.prepare,
        )
        done: Deferred[None] = maybeDeferred(reloader.reload, _guarded(progress), **how)
        return done

    def drain(self, id: int, progress: Progress = tellNobody) -> Deferred[None]:
        """
        Replace one worker by a new one, which is there before it leaves.

        @return: Fires when it has left.
        """
        return maybeDeferred(drain, self._assembly.supervisor, id, _guarded(progress))

    def scale(self, count: int | str, progress: Progress = tellNobody) -> Deferred[None]:
        """
        So many workers there are to be.

        @param count: A number, or a range in which the load decides: C{"2-8"}.
        @return: Fires when there are.
        """
        if not self._isRunning:
            return fail(CommandError("the cluster does not run"))
        return self._assembly.scaling.scale(count, _guarded(progress))

    def scaleBy(self, more: int) -> Deferred[None]:
        """
        So many workers more, or less where it is negative; else as L{scale}.
        """
        return self.scale(self._assembly.scaling.count + more)

    def kill(self, id: int) -> Deferred[None]:
        """
        Kill a worker; another takes its place at once.

        @return: Fires when it is gone.
        """
        supervisor = self._assembly.supervisor
        if id not in supervisor.workers:
            return fail(_unknown(id))
        gone = supervisor.whenGone(id)
        supervisor.kill(id, "as told")
        return gone

    def stacks(self, id: int) -> Deferred[str]:
        """
        @return: Fires with the stack of every thread of a worker, within a second; fails
            too if it cannot be seen.
        """
        worker = self._workers.get(id)
        return fail(_unknown(id)) if worker is None else worker.askStacks()

    def setPolicy(self, text: str, port: str | None = None) -> Deferred[None]:
        """
        Who serves new connections from now on.

        @see: L{twisted_cluster.core.verbs.Verbs.setPolicy}
        """
        parts = self._assembly
        return maybeDeferred(parts.choosing.setPolicy, text, port, parts.scaling.count)

    def reopenLogs(self) -> Deferred[None]:
        """
        Have workers open their log files again: applications that have a handler for
        SIGUSR1 get it.

        @return: Fires when they are told.
        """
        self.forward(signal.SIGUSR1)
        return succeed(None)

    def forward(self, number: int) -> int:
        """
        Pass a signal on to all workers whose application has a handler for it.

        @return: How many workers are told.
        """
        return sum(one.passOn(number) for one in self._workers.values())

    @property
    def _workers(self) -> dict[int, WorkerProcess]:
        return self._assembly.supervisor.workers


def _guarded(progress: Progress) -> Progress:
    """
    @return: What tells it, and logs what it raises: workers live on as they would have.
    """

    def tell(said: str) -> None:
        try:
            progress(said)
        except Exception:
            log.failure(
                "who is told of progress has failed: {progress}", progress=progress
            )

    return tell


def _unknown(id: int) -> CommandError:
    return CommandError(f"there is no worker with the id {id}")
