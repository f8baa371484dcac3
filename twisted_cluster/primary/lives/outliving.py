"""
What programs write that go on when the worker that has started them is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import frozen
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


@frozen
class _Outlived:
    """
    @ivar worker: What the log calls it.
    @ivar isLeft: Whether it is there itself.
    """

    worker: str
    isLeft: bool


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
        self._read: dict[StandardStreams, _Outlived] = {}

    def keep(self, streams: StandardStreams, worker: str, isLeft: bool = False) -> None:
        """
        A worker is gone: log what it has written, and what is still written there.

        @param worker: What the log calls it.
        @param isLeft: Whether it is there itself, for the system cannot kill it.
        """
        if streams.outlive(partial(self._forget, streams)):
            self._read[streams] = _Outlived(worker, isLeft)
            while len(self._read) > self._most():
                self._closeOldest()

    def closeAll(self) -> None:
        """
        The cluster ends: nobody is there to read.
        """
        read, self._read = self._read, {}
        left = sum(each.isLeft for each in read.values())
        self._sayEnd("processes go on of {workers} that cannot be killed", left)
        self._sayEnd("programs go on that {workers} had started", len(read) - left)
        for streams in read:
            streams.finish()

    def _sayEnd(self, who: str, count: int) -> None:
        if count:
            log.info(
                who + ": what they write is read no longer",
                workers=several(count, "worker"),
                count=count,
            )

    def _closeOldest(self) -> None:
        streams = next(iter(self._read))
        outlived = self._read.pop(streams)
        log.warn(
            "what {worker} writes, or programs that it had started, is read no longer: "
            "there are more than {most} such workers"
            if outlived.isLeft
            else "what programs write that {worker} had started is read no longer: there "
            "are more than {most} such workers",
            worker=outlived.worker,
            most=self._most(),
        )
        streams.finish()

    def _forget(self, streams: StandardStreams) -> None:
        self._read.pop(streams, None)
