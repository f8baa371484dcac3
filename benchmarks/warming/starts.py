"""
What is measured of a server from its start on.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from machine import machineSeconds

from warming.crashing import SETTLING
from warming.watched import Watched


@dataclass
class Start:
    """
    One server in one round; seconds, bytes.

    @ivar first: From the start of the command until a worker was ready.
    @ivar all: Until all were.
    @ivar forked: Until all were, since the first was forked.
    @ivar cpu: Of all processes until then.
    @ivar others: Share of the machine that other programs had until then, 0 to 1.
    @ivar replaced: From the SIGKILL of a worker until another was ready, of the median
        one.
    @ivar pss: Of a worker.
    @ivar whole: PSS of all processes.
    @ivar reloaded: From SIGHUP until all workers were new ones; None: there is no reload.
    @ivar left: Until the old ones had ended besides.
    """

    first: float
    all: float
    forked: float
    cpu: float
    others: float
    replaced: float
    pss: float
    whole: float
    reloaded: float | None = None
    left: float | None = None


class Clocks:
    """
    What others do from when it is made on.
    """

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._before = machineSeconds() - time.process_time()

    def others(self, spent: float) -> float:
        """
        @param spent: What the server has.
        @return: Share of the machine that others had.
        """
        rest = machineSeconds() - time.process_time() - self._before - spent
        available = (time.monotonic() - self._begun) * (os.cpu_count() or 1)
        return max(0.0, rest) / available


def observe(server: Watched, clocks: Clocks, kills: int, reloads: bool) -> Start:
    """
    @param server: One that has just started.
    @param clocks: Made just before.
    @param kills: How many workers to kill, one after the other.
    @param reloads: Whether it can be asked to.
    """
    spent = server.spent()
    others = clocks.others(spent)
    first, last = server.ready[0].at, server.ready[-1].at
    forked = last - server.firstFork()
    pss, whole = server.sizes()
    replaced = sorted(_replacement(server) for _ in range(kills))
    found = Start(first - server.begun, last - server.begun, forked, spent, others,
                  replaced[kills // 2], pss, whole)  # fmt: skip
    if reloads:
        found.reloaded, found.left = server.reload()
    return found


def _replacement(server: Watched) -> float:
    """
    Kill the oldest worker, when it is one that has settled.

    @return: Seconds until another was ready.
    """
    oldest = server.living()[0]
    time.sleep(max(0.0, oldest.at + SETTLING - time.monotonic()))
    killed = server.kill()
    server.awaitReady(len(server.ready) + 1)
    return server.ready[-1].at - killed
