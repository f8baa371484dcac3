"""
A cluster's control socket, from its beginning to its end.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger, globalLogPublisher

from twisted_cluster.admin.binding import ControlFile, bindControl
from twisted_cluster.admin.connections import Connections
from twisted_cluster.admin.recent import Recent
from twisted_cluster.admin.spec import ControlSpec
from twisted_cluster.core.verbs import Verbs
from twisted_cluster.reactors import IClusterReactor

log = Logger()


class Control:
    """
    Serves HTTP on a UNIX socket, for as long as the cluster runs.
    """

    def __init__(
        self, reactor: IClusterReactor, spec: ControlSpec, verbs: Verbs, level: str
    ) -> None:
        """
        @param verbs: The cluster.
        @param level: The least that is shown of the log.
        """
        self._reactor = reactor
        self._spec = spec
        self._verbs = verbs
        self._recent = Recent(globalLogPublisher, reactor, level)
        self._bound: ControlFile | None = None
        self._connections: Connections | None = None
        self._endLogs: Callable[[], None] = _nothing
        self._soon: IDelayedCall | None = None

    def bind(self) -> None:
        """
        Bind it, while we may.

        @raise ControlTakenError: If another process has it.
        @raise OSError: If a path was given, and there it cannot be bound.
        """
        try:
            self._bound = bindControl(self._spec, os.environ, os.getpid())
        except OSError as error:
            if self._spec.path:
                raise
            # Nobody has asked for it: the cluster serves without.
            log.warn("there is no control socket: {error}", error=error)

    def start(self) -> None:
        """
        Answer, from the next turn on; until then who connects waits in the backlog.
        """
        if self._bound is None:
            return
        self._recent.begin()
        # To import twisted.web takes 0.15 s: by then the first worker starts besides.
        self._soon = self._reactor.callLater(0, self._begin, self._bound)

    def _begin(self, bound: ControlFile) -> None:
        self._soon = None
        try:
            self._serve(bound)
        except Exception:
            # Who has shed privileges may not read what is to be imported. The file stays
            # away rather than that nobody answers there.
            log.failure("there is no control socket")
            self._bound = None
            bound.release()

    def _serve(self, bound: ControlFile) -> None:
        # Who has no control socket need not have them in memory.
        from twisted_cluster.admin.pages import newRoot
        from twisted_cluster.admin.site import newSite

        root, logs = newRoot(self._verbs, self._recent)
        site = newSite(root, self._reactor)
        self._endLogs = logs.end
        self._connections = Connections(self._reactor, bound.socket, site)
        self._connections.start()
        log.debug("control socket: {path}", path=bound.path)

    def close(self) -> Deferred[None]:
        """
        Answer no more, and remove it.

        @return: Fires when who waits for an answer has it; never fails.
        """
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self._endLogs()
        self._endLogs = _nothing
        bound, self._bound = self._bound, None
        connections, self._connections = self._connections, None
        closed = succeed(None)
        self._recent.end()
        if connections is not None:
            closed = connections.close()
        if bound is not None:
            # Not before: the reactor has to let go of it first.
            bound.release()
        return closed


def _nothing() -> None:
    pass
