"""
What is wrong with workers is told with where they are.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

import twisted
from twisted_cluster.core.actions import ALL, DEAF, PLACE, SILENT, Report
from twisted_cluster.core.stacks import mainFrames, whereIn
from twisted_cluster.core.words import duration
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.primary.lives.told import Subject, tell


def _folders(*paths: str) -> tuple[str, ...]:
    return tuple(path + os.sep for path in paths)


_HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Of what is there no line is the application's own.
_FRAMEWORK = _folders(_HERE, os.path.dirname(os.path.abspath(twisted.__file__)))
_STANDARD = _folders(*map(sysconfig.get_path, ("stdlib", "platstdlib")))
# Nor of this, if it has any. Debian's is not where Python says that it is.
_INSTALLED = _folders(
    *map(sysconfig.get_path, ("purelib", "platlib")),
    *(path for path in map(str, sys.path) if path.endswith("-packages")),
)

LEFT_OUT = "left out: it logs too much"


class Seen(Subject, Protocol):
    """
    A worker that can be asked where it is.
    """

    @property
    def id(self) -> int: ...

    @property
    def said(self) -> Said: ...

    def askStacks(self) -> Deferred[str]: ...


class Whereabouts:
    """
    Asks workers where they are, and tells it.
    """

    def __init__(self) -> None:
        self._asked: dict[int, Deferred[None]] = {}

    def report(self, level: str, worker: Seen, what: Report) -> Deferred[None]:
        """
        Tell of a worker what is wrong, with where it is.

        @return: Fires when that is told: within a second.
        """

        def say(stacks: str) -> None:
            self._asked.pop(worker.id, None)
            if not worker.said.lets(len(stacks), stacks.count("\n")):
                # The worker writes them itself, whatever it is at.
                stacks = LEFT_OUT
            where = placeIn(stacks) if what.shows == PLACE else f":\n{stacks}"
            tell(level, f"{what.text}{{where}}", worker, where=where, **seconds)

        def excuse(failure: Failure) -> None:
            self._asked.pop(worker.id, None)
            why = f"; {failure.getErrorMessage()}"
            tell(level, f"{what.text}{{why}}", worker, why=why, **seconds)

        seconds = {"seconds": what.seconds}
        self._asked[worker.id] = told = Deferred[None]()
        asked = worker.askStacks().addCallbacks(say, excuse)
        asked.addBoth(lambda _: told.callback(None))
        return told

    def awake(self, worker: Seen, seconds: float) -> None:
        """
        A worker that was silent is not any more: told after where it was.
        """

        def say(_: object = None) -> None:
            text = "{worker} shows life again, after {seconds}"
            tell("info", text, worker, seconds=duration(seconds))

        asked = self._asked.get(worker.id)
        if asked is None:
            say()
        else:
            asked.addCallback(say)


class Told:
    """
    Tells of workers that do not work, and lets them be.
    """

    def __init__(self) -> None:
        self._where = Whereabouts()

    def deaf(self, worker: WorkerProcess, seconds: float) -> None:
        """
        It takes nothing of what waits for it.
        """
        self._report(worker, DEAF, seconds)

    def silent(self, worker: WorkerProcess, seconds: float) -> None:
        """
        Its heart does not beat.
        """
        self._report(worker, SILENT, seconds)

    def hung(self, worker: WorkerProcess, seconds: float) -> None:
        """
        Nor has it for long.
        """

    def awake(self, worker: WorkerProcess, seconds: float) -> None:
        """
        It beats again.
        """
        self._where.awake(worker, seconds)

    def unheard(self, worker: WorkerProcess) -> None:
        """
        A signal has told it to end, and it cannot say so: it is as if it had.
        """
        worker.leaving(False)

    def _report(self, worker: WorkerProcess, text: str, seconds: float) -> None:
        what = Report(text, worker.number, seconds, worker.id, ALL)
        self._where.report("warn", worker, what)


def placeIn(stacks: str) -> str:
    """
    @return: Where the application is, for the end of a line.
    """
    frame = whereIn(mainFrames(stacks), [_isForeign, _isLibrary])
    return f": {frame}" if frame is not None else ""


def _isLibrary(file: str) -> bool:
    # A name in brackets is no file.
    if file.startswith(("<", "?", *_FRAMEWORK)):
        return True
    return file.startswith(_STANDARD) and not file.startswith(_INSTALLED)


def _isForeign(file: str) -> bool:
    return _isLibrary(file) or file.startswith(_INSTALLED)
