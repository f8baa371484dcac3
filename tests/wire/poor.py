"""
Systems that have run out of something.
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.leftovers import openNow


class Poor(socket.socket):
    """
    A socket of a system that fails, for as long as it is told to.

    @ivar wrong: The number of what goes wrong; 0: nothing does.
    """

    wrong = 0

    def sendmsg(self, *arguments: Any) -> int:
        self._fail()
        return super().sendmsg(*arguments)

    def recvmsg(self, *arguments: Any) -> Any:
        self._fail()
        return super().recvmsg(*arguments)

    def _fail(self) -> None:
        if self.wrong:
            raise OSError(self.wrong, os.strerror(self.wrong))


def poor(end: socket.socket) -> Poor:
    """
    The same socket, of such a system.
    """
    return Poor(end.family, end.type, fileno=end.detach())


@contextmanager
def fewDescriptors(free: int) -> Iterator[None]:
    """
    So many more descriptors can be opened meanwhile.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    filling = _fillHoles(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (filling[-1] + 1, hard))
    for fd in filling[len(filling) - free :]:
        os.close(fd)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in filling[: len(filling) - free]:
            os.close(fd)


def _fillHoles(more: int) -> list[int]:
    """
    @return: New descriptors, of which the last ones are above all that are open.
    """
    highest = max(map(int, openNow()))
    filling = [os.dup(0)]
    while filling[-1] < highest + more:
        filling.append(os.dup(0))
    return filling
