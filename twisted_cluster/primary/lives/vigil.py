"""
Workers that are there and do not work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from attrs import define, field, frozen

from twisted_cluster.core.silence import Silence

# A worker that lives takes what it is handed within a turn of its loop. This is longer
# than any but a broken one needs, and as long as its clients may be expected to wait.
DEAF_AFTER = 5.0
# A heart that has beaten within this time beats: 20 times as long as between two beats.
BEATS = 1.0
SECOND = 1_000_000_000
# Seconds for which one without life is let be because a debugger looks at it: the worker
# says so itself, or a process of its own may trace it.
LONGEST_TRACED = 3600.0


class Signs(Protocol):
    """
    What is seen of a worker.
    """

    @property
    def heartbeat(self) -> int:
        """
        Its last sign of life; 0 before the first.
        """

    @property
    def isHeld(self) -> bool:
        """
        Whether somebody looks at it with a debugger of Python's.
        """

    @property
    def takesNothing(self) -> int | None:
        """
        Since when it has taken nothing of what it was handed, in monotonic nanoseconds;
        L{None} if it has.
        """

    @property
    def told(self) -> int:
        """
        When a signal has told it to end, in the same; 0 if none has.
        """


class Watched(Protocol):
    """
    A worker, as far as it is watched.
    """

    @property
    def id(self) -> int: ...

    @property
    def hand(self) -> Signs: ...

    @property
    def isTraced(self) -> bool:
        """
        Whether the system says that somebody looks at it with a debugger.
        """


W = TypeVar("W", bound=Watched)
W_contra = TypeVar("W_contra", bound=Watched, contravariant=True)


class Sick(Protocol[W_contra]):
    """
    Who is told of workers that do not work; each once, until it works again.
    """

    def deaf(self, worker: W_contra, seconds: float) -> None:
        """
        It takes nothing, although its heart beats.
        """

    def silent(self, worker: W_contra, seconds: float) -> None:
        """
        Its heart does not beat.
        """

    def hung(self, worker: W_contra, seconds: float) -> None:
        """
        Its heart has not beaten for so long that it is not waited for any more: as long
        as it may be silent.
        """

    def awake(self, worker: W_contra, seconds: float) -> None:
        """
        Its heart beats again, after so long.
        """

    def unheard(self, worker: W_contra) -> None:
        """
        A signal has told it to end, and its heart does not beat: it cannot say so.
        """


@frozen
class Limits:
    """
    Seconds of silence; 0 is never.

    @ivar warning: After which it is told.
    @ivar timeout: After which it is not waited for any more.
    """

    warning: float = 1.0
    timeout: float = 30.0


@define(eq=False)
class _Look:
    """
    What was seen of one worker.
    """

    silence: Silence = field(factory=Silence)
    excused: int = 0
    isWarned: bool = False
    isHung: bool = False
    isDeaf: bool = False
    isUnheard: bool = False


class Vigil(Generic[W]):
    """
    Looks at workers that are online.
    """

    def __init__(
        self,
        nanoseconds: Callable[[], int],
        workers: Callable[[], Iterable[W]],
        sick: Sick[W],
        limits: Limits,
    ) -> None:
        """
        @param nanoseconds: The monotonic clock.
        @param workers: Gives those that are online.
        @param sick: Told of each that does not work.
        """
        self._now = nanoseconds
        self._workers = workers
        self._sick = sick
        self._limits = limits
        self._looks: dict[int, _Look] = {}

    def look(self) -> None:
        """
        Look at all of them; to be called some 20 times a second.
        """
        now, before = self._now(), self._looks
        workers = list(self._workers())
        self._looks = {one.id: before.get(one.id) or _Look() for one in workers}
        for worker in workers:
            self._lookAt(worker, now, self._looks[worker.id])

    def _lookAt(self, worker: W, now: int, look: _Look) -> None:
        beat = worker.hand.heartbeat
        ended = look.silence.look(now, beat)
        if ended and look.isWarned:
            look.isWarned = False
            self._sick.awake(worker, ended / SECOND)
        seconds = look.silence.nanoseconds / SECOND
        if not seconds:
            look.excused = 0
        if worker.hand.isHeld or not beat:
            look.silence.nanoseconds = 0
        elif seconds < BEATS:
            # While its heart does not beat it may be at work.
            self._lookWhetherDeaf(worker, now, look)
        elif worker.hand.told and not look.isUnheard:
            look.isUnheard = True
            self._sick.unheard(worker)
        self._lookWhetherSilent(worker, look)

    def _lookWhetherSilent(self, worker: W, look: _Look) -> None:
        seconds, limits = look.silence.nanoseconds / SECOND, self._limits
        isLong = 0 < limits.warning <= seconds and not look.isWarned
        isTooLong = 0 < limits.timeout <= seconds and not look.isHung
        if not (isLong or isTooLong):
            return
        if worker.isTraced and look.excused / SECOND < LONGEST_TRACED:
            look.excused += look.silence.nanoseconds
            look.silence.nanoseconds = 0
            return
        if isLong:
            look.isWarned = True
            self._sick.silent(worker, seconds)
        if isTooLong:
            look.isHung = True
            self._sick.hung(worker, limits.timeout)

    def _lookWhetherDeaf(self, worker: W, now: int, look: _Look) -> None:
        since = worker.hand.takesNothing
        seconds = 0.0 if since is None else (now - since) / SECOND
        if seconds < DEAF_AFTER:
            look.isDeaf = False
        elif not look.isDeaf:
            look.isDeaf = True
            self._sick.deaf(worker, seconds)
