"""
Who has a port that somebody else wants: looked up when it is too late, and only where
Linux tells.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice

from attrs import evolve, frozen

from twisted_cluster.core.proc_net import (
    FILES,
    Taken,
    internetSockets,
    isAddressInUse,
    namedIn,
    unixSockets,
)
from twisted_cluster.core.visible import inOneLine
from twisted_cluster.events import TCP, UNIX, ListenSpec

# Those that listen come first in a file that may have many megabytes.
LONGEST_FILE = 1 << 20
# Seconds that one look may compute, for the primary does nothing else meanwhile (that it
# has to wait for a processor says nothing against a look), and what share of its time all
# of them: applications may try one port after the other.
PATIENCE = 0.1
SHARE = 0.05
MOST_AT_ONCE = 0.5
# Generations of a worker's children, and how many sockets are told of in one sentence.
DEEPEST = 4
# So many descriptors of one process are looked at.
FIRST = 1000
MOST_NAMED = 3
TAKEN = " is taken by "
# Of a complaint so much is read, of its end, and of so many: applications may repeat what
# they were sent.
LONGEST_COMPLAINT = 4000
MOST_COMPLAINTS = 10
OUTSIDE = (
    "it was not opened through Twisted's reactor, or for that worker alone; "
    "see docs/start"
)


@frozen
class Holder:
    """
    A process that has a socket.

    @ivar worker: The number of the worker that it is, or is a child of; L{None} if it
        is none of ours.
    @ivar isChild: Whether it is a child of that worker.
    """

    pid: int
    worker: int | None = None
    isChild: bool = False

    @property
    def inWords(self) -> str:
        """
        Who it is, and what is to be said of that.
        """
        if self.worker is not None and not self.isChild:
            return f"worker {self.worker} itself (pid {self.pid}): {OUTSIDE}"
        if self.pid == os.getpid():
            return "the cluster itself"
        name = _read(f"/proc/{self.pid}/comm").strip()
        known = f"(pid {self.pid}, {name})" if name else f"(pid {self.pid})"
        if self.worker is None:
            return f"another process {known}"
        return f"a child of worker {self.worker} {known}: {OUTSIDE}"


class Takers:
    """
    Looks who has an address.

    @ivar workers: The numbers of the workers that there are, by their pids.
    """

    def __init__(self) -> None:
        self.workers: dict[int, int] = {}
        self._left = MOST_AT_ONCE
        self._since = time.monotonic()

    def whoHas(self, spec: ListenSpec, directory: str) -> str | None:
        """
        @param spec: What could not be bound.
        @param directory: What its path is relative to.
        @return: A sentence that says who has it; L{None} if that cannot be seen.
        """
        path = spec.path
        if spec.kind == UNIX and not path.startswith("\0"):
            spec = evolve(spec, path=os.path.normpath(os.path.join(directory, path)))
        return self._look(lambda: _inTheWayOf(spec), spec.path)

    def whyTaken(self, lines: Iterable[str]) -> str | None:
        """
        Who has what a worker could not open, which its primary was not asked for.

        @param lines: What the worker has said.
        @return: The same; L{None} also if it does not complain of that.
        """
        ends = (text[-LONGEST_COMPLAINT:] for text in lines)
        every = list(chain.from_iterable(end.splitlines() for end in ends))
        said = [line for line in every if isAddressInUse(line)][-MOST_COMPLAINTS:]
        if not said or any(TAKEN in line for line in every):
            return None
        return self._look(lambda: _complainedOf(said, self.workers))

    def _look(self, search: Callable[[], Sequence[Taken]], path: str = "") -> str | None:
        """
        @param path: Which one is meant where paths are relative; C{""}: one that is
            relative to this process's directory, which is its workers'.
        """
        begun = time.monotonic()
        earned = (begun - self._since) * SHARE
        self._left, self._since = min(MOST_AT_ONCE, self._left + earned), begun
        if self._left <= 0:
            return None
        said = _inWords(search(), self.workers, path)
        self._left -= time.monotonic() - begun
        return said


def _inTheWayOf(spec: ListenSpec) -> Sequence[Taken]:
    return [one for one in _allOf(spec.kind) if one.isInTheWayOf(spec)]


def _complainedOf(said: Iterable[str], workers: Mapping[int, int]) -> Sequence[Taken]:
    """
    What complaints name; where they name nothing, whatever the primary knows nothing of.
    """
    everything = list(chain.from_iterable(map(_allOf, FILES)))
    named = namedIn(said, everything)
    if named:
        return named
    ours = _inodesOf(os.getpid(), math.inf, None)
    theirs: set[int] = set()
    deadline = time.thread_time() + PATIENCE
    for holder in _ours(workers):
        if time.thread_time() > deadline:
            break
        theirs |= _inodesOf(holder.pid, deadline)
    return [one for one in everything if one.kind == TCP and one.inode in theirs - ours]


def _inWords(found: Sequence[Taken], workers: Mapping[int, int], path: str) -> str | None:
    holders = _holdersOf({one.inode for one in found}, workers)
    # Who calls himself what is up to him.
    said = {
        inOneLine(f"{one}{TAKEN}{holders[one.inode].inWords}")
        for one in found
        if one.inode in holders and _isMeant(one, holders[one.inode], path)
    }
    return "; ".join(sorted(said)[:MOST_NAMED]) or None


def _isMeant(one: Taken, holder: Holder, path: str) -> bool:
    """
    Whether it is not another one of the same name, in another directory.
    """
    if not one.isRelative:
        return True
    try:
        theirs = os.readlink(f"/proc/{holder.pid}/cwd")
        wanted = path or os.path.join(os.getcwd(), one.path)
    except OSError:
        return False
    return os.path.normpath(os.path.join(theirs, one.path)) == os.path.normpath(wanted)


def _holdersOf(inodes: set[int], workers: Mapping[int, int]) -> Mapping[int, Holder]:
    """
    @return: Who has which.
    """
    deadline = time.thread_time() + PATIENCE
    found: dict[int, Holder] = {}
    for holder in _everybody(workers):
        if len(found) == len(inodes) or time.thread_time() > deadline:
            break
        most = None if holder.pid == os.getpid() else FIRST
        for inode in _inodesOf(holder.pid, deadline, most) & inodes:
            found.setdefault(inode, holder)
    return found


def _everybody(workers: Mapping[int, int]) -> Iterator[Holder]:
    # First who is most likely to, and to whom a copy belongs: workers have some of the
    # primary's sockets, and their children may have theirs.
    yield Holder(os.getpid())
    yield from _ours(workers)
    with suppress(OSError):
        yield from (Holder(int(pid)) for pid in os.listdir("/proc") if pid.isdecimal())


def _ours(workers: Mapping[int, int]) -> Iterator[Holder]:
    yield from (Holder(pid, number) for pid, number in workers.items())
    for pid, number in workers.items():
        family = [pid]
        for _ in range(DEEPEST):
            family = list(chain.from_iterable(map(_childrenOf, family)))
            yield from (Holder(child, number, isChild=True) for child in family)


def _allOf(kind: str) -> Iterator[Taken]:
    for name in FILES[kind]:
        text = _read(f"/proc/net/{name}")
        if kind == UNIX:
            yield from unixSockets(text)
        else:
            yield from internetSockets(kind, text, sys.byteorder)


def _inodesOf(pid: int, deadline: float, most: int | None = FIRST) -> set[int]:
    """
    @param deadline: When to stop, in seconds of this thread's own.
    @param most: How many of its descriptors are looked at, L{None} for all: there may be
        a million, of clients, and what is listened on was opened before.
    """
    found: set[int] = set()
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as names:
        for name in (each.name for each in islice(names, most)):
            if time.thread_time() > deadline:
                break
            with suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{name}")
                if target.startswith("socket:["):
                    found.add(int(target[8:-1]))
    return found


def _childrenOf(pid: int) -> list[int]:
    return [int(child) for child in _read(f"/proc/{pid}/task/{pid}/children").split()]


def _read(path: str) -> str:
    with suppress(OSError):
        with open(path, "rb") as file:
            return file.read(LONGEST_FILE).decode("utf-8", "replace")
    return ""
