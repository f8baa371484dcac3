"""
Sockets of the primary's that this worker was born with.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from twisted.logger import Logger

from twisted_cluster.wire.borrowed import Borrowed
from twisted_cluster.wire.inherited import accepts

log = Logger()


class GivenSockets:
    """
    Knows them again, whatever number they have by now. Those that listen in the primary
    only stand for that here.
    """

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        """
        @param numbers: What numbers they have, here as in the primary.
        """
        self._numbers: dict[tuple[int, int], int] = {}
        self._standIns: set[int] = set()
        for number in numbers:
            with suppress(OSError):
                self._numbers[_fileOf(number)] = number
                if not _listens(number):
                    self._standIns.add(number)

    def numberOf(self, fd: int) -> int | None:
        """
        @return: The number of one of them, or of a duplicate; L{None} if it is another
            one.
        @raise OSError: If nothing is open there.
        """
        return self._numbers.get(_fileOf(fd)) if self._numbers else None

    def warn(self) -> None:
        """
        Somebody may listen on one of them as on a socket of his own.
        """
        for number in sorted(self._standIns):
            with suppress(OSError):
                if self.numberOf(number) == number and _listens(number):
                    log.warn(
                        "nobody is ever connected to descriptor {number}, which is "
                        "listened on without Twisted's reactor: it only stands for the "
                        "primary's; with --policy none workers have the socket itself",
                        number=number,
                    )


def _fileOf(fd: int) -> tuple[int, int]:
    there = os.fstat(fd)
    # Where sockets have no inodes a duplicate is a stranger.
    return (there.st_dev, there.st_ino) if there.st_ino else (-1, fd)


def _listens(fd: int) -> bool:
    with Borrowed(fd) as there:
        return accepts(there)
