"""
Who has started a daemon waits until it serves, or learns why it does not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping
from contextlib import suppress

from twisted.internet.interfaces import IReactorTime

from twisted_cluster.core.snapshot import Snapshot
from twisted_cluster.wire.repeating import Repeating

LOOK = 0.05
# Where twistd keeps the pipe by which a daemon tells whoever has started it, and what it
# reads of it at most.
PIPE = "statusPipe"
MOST = 100
SERVES, FAILS = b"0", b"1 "


class Starter:
    """
    twistd tells the starter of a daemon that all is well when services have been
    started; workers have not by then. So it is told later, and something else if they
    cannot start.

    @see: L{twisted.scripts._twistd_unix.UnixApplicationRunner}, C{_waitForStart}
    """

    def __init__(
        self,
        clock: IReactorTime,
        snapshot: Callable[[], Snapshot],
        twistd: MutableMapping[str, object] | None,
    ) -> None:
        """
        @param twistd: Its options, if it is twistd that runs this.
        """
        self._snapshot = snapshot
        self._options = {} if twistd is None else twistd
        self._pipe: int | None = None
        self._looking = Repeating(clock, self._look, LOOK, "the look for who serves")

    def begin(self) -> None:
        """
        Services are started, workers are not. There may be nobody who waits.
        """
        pipe = self._options.pop(PIPE, None)
        if isinstance(pipe, int):
            self._pipe = pipe
            self._looking.start()

    def tell(self, why: str) -> None:
        """
        The workers cannot start.

        @param why: In one line.
        """
        self._tell((FAILS + why.encode("utf-8", "replace"))[:MOST])

    def _look(self) -> None:
        if self._snapshot().isReady:
            self._tell(SERVES)

    def _tell(self, data: bytes) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is None:
            return
        self._looking.stop()
        # He may not have waited.
        with suppress(OSError):
            os.write(pipe, data)
        os.close(pipe)
