"""
What whoever runs the cluster is told of workers' lives.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from twisted.logger import Logger, LogLevel

from twisted_cluster.core.endings import Ending
from twisted_cluster.core.words import duration, several
from twisted_cluster.primary.lives.said import Speaker

log = Logger()


class Subject(Protocol):
    """
    Whom something is told of.
    """

    @property
    def name(self) -> str: ...

    @property
    def speaker(self) -> Speaker:
        """
        What observers of the log may want to know of it, besides.
        """


class Worker(Subject, Protocol):
    """
    The same, with its connections.
    """

    @property
    def age(self) -> float: ...

    @property
    def served(self) -> int: ...

    @property
    def drainTimeout(self) -> float: ...


def tell(level: str, text: str, worker: Subject, **more: object) -> None:
    """
    Tell something of a worker, which is C{worker} in the text.

    @param level: A level's name.
    """
    known = LogLevel.levelWithName(level)
    log.emit(known, text, worker=worker.name, **worker.speaker.sign({}), **more)


def tellReady(worker: Worker, isHushed: bool = False) -> None:
    """
    It can serve.

    @param isHushed: Whether that is no news.
    """
    level = "debug" if isHushed else "info"
    seconds = duration(worker.age)
    tell(level, "{worker} ready after {seconds}", worker, seconds=seconds)


def tellLeaving(worker: Worker, isPlanned: bool) -> None:
    """
    It ends, and nobody here has told it to.

    @param isPlanned: Whether it wants that itself; else it was sent a signal.
    """
    served = worker.served
    tell(
        "info" if served else "debug",
        "{worker} ends {why}: it serves {served}, for {seconds:g} s at most",
        worker,
        why="of its own will" if isPlanned else "upon a signal",
        served=several(served, "connection"),
        seconds=worker.drainTimeout,
    )


def tellEnding(
    worker: Subject, ending: Ending, again: float | None = None, isHushed: bool = False
) -> None:
    """
    It is gone.

    @param again: In how many seconds its successor starts, if that waits.
    @param isHushed: Whether that is no news; of one that is left behind it always is, and
        of one that has cut somebody.
    """
    isNews = not isHushed or ending.left or ending.cut
    tell(
        ending.level if isNews else "debug",
        "{worker} {ending}",
        worker,
        ending=ending.inWords(again),
        code=ending.code,
        signal=ending.signal,
        age=round(ending.seconds, 3),
        cut=ending.cut,
    )


def _load(worker: Worker) -> str:
    return several(worker.served, "connection")


def namesOf(workers: Iterable[Worker], most: int = 8, bare: bool = False) -> str:
    """
    @param bare: Leave out what each serves.
    @return: Who they are, and what each serves; the rest only by their number.
    """
    there = list(workers)
    names = [
        worker.name if bare else f"{worker.name} with {_load(worker)}"
        for worker in there[:most]
    ]
    if len(there) > most:
        names.append(several(len(there) - most, "other"))
    return ", ".join(names)
