"""
How many workers are worth having.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from twisted_cluster.core.scaling import Span
from twisted_cluster.defaults import MOST_WORKERS
from twisted_cluster.errors import ConfigError

MOST_DIGITS = 9


def parseWorkers(given: int | str) -> Span:
    """
    @param given: A number, or C{"auto"} for as many as L{usableCPUs}; or a range of such,
        as C{"2-8"}.
    @raise ConfigError: If it is neither.
    """
    first, dash, last = str(given).partition("-")
    try:
        least = _countOf(first)
        span = Span(least, _countOf(last) if dash else least)
        if span.most < span.least:
            raise ValueError
    except ValueError:
        why = f"give a number from 1 to {MOST_WORKERS}, a range as 2-8, or auto"
        raise ConfigError("workers", given, why) from None
    return span


def _countOf(text: str) -> int:
    """
    @raise ValueError: If it is no number of workers.
    """
    if text == "auto":
        return usableCPUs()
    # Python makes no number of thousands of digits.
    if (
        not text.isdecimal()
        or len(text) > MOST_DIGITS
        or not 1 <= int(text) <= MOST_WORKERS
    ):
        raise ValueError(text)
    return int(text)


def usableCPUs(root: Path = Path("/")) -> int:
    """
    How many CPUs this process may use: its affinity, and the CPU quota of its cgroup
    and of those above, rounded up.

    @param root: Where F{/proc} and F{/sys} are.
    @return: 1 or more.
    @see: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max) and
        scheduler/sched-bwc.rst (cpu.cfs_quota_us).
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, min([count, *map(math.ceil, _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        mount = root / "sys/fs/cgroup"
        if controllers and "cpu" not in controllers.split(","):
            continue
        here = (mount / "cpu" if controllers else mount) / path.lstrip("/")
        # In a container the path is the host's, and the mount is the group itself.
        for folder in (here, *here.parents):
            if folder.is_relative_to(mount):
                yield from _quotaOf(folder)


def _quotaOf(folder: Path) -> Iterator[float]:
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        if quota not in ("max", "-1"):
            yield int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return
