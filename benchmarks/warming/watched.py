"""
A server whose workers are seen to come and go.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from machine import TICKS, birth, cpuSeconds, descendants, endedSeconds, memory
from servers import Server, StartError, answers

LIMIT = 60.0
# Requests that each worker has had on average before memory is looked at.
VISITS = 25
# ``worker 1 (4711) ready after 0.1 s`` of ours; the others' leave out what is not needed.
READY = re.compile(rb"\((\d+)\) ready\b")


class Ready(NamedTuple):
    """
    That a worker is, and when its words were read; C{time.monotonic}.
    """

    at: float
    pid: int


class Watched(Server):
    """
    @ivar begun: When it was started.
    @ivar ready: Each worker that has said that it is, in that order.
    """

    def start(self) -> None:
        """
        Start, and return when as many workers as there are to be have said that they are
        ready.

        @raise StartError: If that takes longer than L{LIMIT}.
        """
        if self._contestant.missing:
            raise StartError(f"{self.name}\n{self._contestant.missing}")
        self.ready: list[Ready] = []
        self._rest = b""
        self.begun = time.monotonic()
        main = self._spawn(self._contestant.commands[0], stdout=subprocess.PIPE)
        self._mains.append(main)
        self._said = main.stdout
        self.awaitReady(self._contestant.children)

    def stop(self) -> None:
        """
        End it.
        """
        try:
            super().stop()
        finally:
            for main in self._mains:
                main.stdout.close()

    def awaitReady(self, count: int, ending: Sequence[int] = ()) -> float:
        """
        Wait until so many have said that they are ready, since the start.

        @param ending: Processes that are to have ended by then, too.
        @return: When the last of those had.
        @raise StartError: If that takes longer than L{LIMIT}.
        """
        deadline = time.monotonic() + LIMIT
        with ExitStack() as stack:
            left = {pid: os.pidfd_open(pid) for pid in ending}
            for fd in left.values():
                stack.callback(os.close, fd)
            ended = self.begun
            while len(self.ready) < count or left:
                if not self.read(deadline - time.monotonic(), list(left.values())):
                    gone = [pid for pid, fd in left.items() if _hasEnded(fd)]
                    ended = time.monotonic()
                    for pid in gone:
                        del left[pid]
                    if not gone:
                        self._checkAlive(deadline)
        return ended

    def read(self, seconds: float, others: Sequence[int] = ()) -> bool:
        """
        Read what is there, or comes within so many seconds.

        @param others: Descriptors besides that end the waiting.
        @return: Whether there was any.
        """
        poll = select.poll()
        for fd in (self._said.fileno(), *others):
            poll.register(fd, select.POLLIN)
        found = dict(poll.poll(max(0.0, seconds) * 1e3))
        now = time.monotonic()
        if self._said.fileno() not in found:
            return False
        text = os.read(self._said.fileno(), 1 << 16)
        self._log.write(text)
        self._log.flush()
        *lines, self._rest = (self._rest + text).split(b"\n")
        for line in lines:
            if said := READY.search(line):
                self.ready.append(Ready(now, int(said[1])))
        return bool(text)

    def living(self) -> list[Ready]:
        """
        @return: The workers that are there, the oldest first.
        """
        return [each for each in self.ready if birth(each.pid) is not None]

    def firstFork(self) -> float:
        """
        @return: When the first of those was forked, which is as soon as a template is
            there; not more exactly than the system's ticks, and too early rather than
            too late. C{time.monotonic}.
        """
        born = [birth(each.pid) for each in self.ready]
        asleep = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
        return min(int(each) for each in born if each) / TICKS - asleep

    def spent(self) -> float:
        """
        @return: CPU seconds so far of all processes, those too that have ended.
        """
        main = self._mains[0].pid
        there = [main, *descendants(main)]
        return sum(map(cpuSeconds, there)) + sum(map(endedSeconds, there))

    def sizes(self) -> tuple[float, float]:
        """
        Ask for some pages first.

        @return: PSS in bytes: of a worker on average, and of all processes together.
        """
        workers = [each.pid for each in self.living()]
        for _ in range(VISITS * len(workers)):
            answers(self.port)
        main = self._mains[0].pid
        size = {pid: memory(pid)[0] for pid in [main, *descendants(main)]}
        return sum(size[pid] for pid in workers) / len(workers), sum(size.values())

    def kill(self) -> float:
        """
        Kill the worker that has been there for the longest time.

        @return: When.
        """
        victim = self.living()[0].pid
        at = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        return at

    def reload(self) -> tuple[float, float]:
        """
        Have all workers renewed.

        @return: Seconds until all new ones were ready, and until the old ones were gone,
            too.
        """
        olds = [each.pid for each in self.living()]
        at = time.monotonic()
        os.kill(self._mains[0].pid, signal.SIGHUP)
        ended = self.awaitReady(len(self.ready) + len(olds), olds)
        ready = self.ready[-1].at
        return ready - at, max(ready, ended) - at


def _hasEnded(fd: int) -> bool:
    """
    @param fd: Of a process.
    """
    return bool(select.select([fd], [], [], 0)[0])
