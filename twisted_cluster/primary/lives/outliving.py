"""
What programs write that go on when the worker that has started them is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.logger import Logger

from twisted_cluster.core.words import several
from twisted_cluster.primary.lives.streams import StandardStreams
from twisted_cluster.wire.limit import shareOf

log = Logger()

# More such pipes are read for no cluster.
MOST = 128


def mostOutliving() -> int:
    """
    How many pipes may be read whose workers are gone: each takes a descriptor of the
    primary's.
    """
    return shareOf(8, MOST)


class Outliving:
    """
    Their output goes to the pipe that was their worker's: without a reader they would die
    of it (SIGPIPE), which they would not if that had been the only process.
    """

    def __init__(self, most: Callable[[], int] = mostOutliving) -> None:
        """
        @param most: Gives how many such pipes are read.
        """
        self._most = most
        # In the order of their workers' ends.
        self._read: dict[StandardStreams, str] = {}

    def keep(self, streams: StandardStreams, worker: str) -> None:
        """
        A worker is gone: log what it has written, and what is still written there.

        @param worker: What the log calls it.
        """
        if streams.outlive(partial(self._forget, streams)):
            self._read[streams] = worker
            while len(self._read) > self._most():
                self._closeOldest()

    def closeAll(self) -> None:
        """
        The cluster ends: nobody is there to read.
        """
        if self._read:
            log.info(
                "programs go on that {workers} had started: what they write is read no "
                "longer",
                workers=several(len(self._read), "worker"),
                count=len(self._read),
            )
        read, self._read = self._read, {}
        for streams in read:
            streams.finish()

    def _closeOldest(self) -> None:
        streams = next(iter(self._read))
        worker = self._read.pop(streams)
        log.warn(
            "what programs write that {worker} had started is read no longer: there are "
            "more than {most} such workers",
            worker=worker,
            most=self._most(),
        )
        streams.finish()

    def _forget(self, streams: StandardStreams) -> None:
        self._read.pop(streams, None)
