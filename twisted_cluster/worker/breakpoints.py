"""
C{breakpoint()} and C{pdb.set_trace()} in a worker.
"""

from __future__ import annotations

import os
import sys
from types import FrameType, ModuleType

from twisted.logger import Logger

from twisted_cluster.wire.page import Page

log = Logger()


class Breakpoints:
    """
    What C{breakpoint()} calls, unless the user has said otherwise.
    """

    def __init__(self, page: Page, hasTerminal: bool) -> None:
        """
        @param page: Where the primary sees that somebody is looking at this worker.
        @param hasTerminal: Whether standard input is a terminal of this worker's own.
        """
        self._page = page
        self._hasTerminal = hasTerminal
        self._said: set[tuple[str, int]] = set()

    def __call__(self, *given: object, **named: object) -> object:
        if os.environ.get("PYTHONBREAKPOINT") and not sys.flags.ignore_environment:
            return sys.__breakpointhook__(*given, **named)
        self._stopIn(sys._getframe(1))
        return None

    def changePdb(self, pdb: ModuleType) -> None:
        """
        Let C{pdb.set_trace()} do the same.
        """

        def set_trace(*given: object, **named: object) -> None:
            frame = sys._getframe(1)
            if frame.f_code is Breakpoints.__call__.__code__ and frame.f_back:
                # C{PYTHONBREAKPOINT} names this.
                frame = frame.f_back
            self._stopIn(frame)

        pdb.set_trace = set_trace  # type: ignore[attr-defined]

    def _stopIn(self, frame: FrameType) -> None:
        if self._hasTerminal:
            # Few workers ever need it.
            from twisted_cluster.worker.debugger import Debugger

            Debugger(self._page).set_trace(frame)
        else:
            self._say(frame)

    def _say(self, frame: FrameType) -> None:
        place = frame.f_code.co_filename, frame.f_lineno
        if place not in self._said:
            self._said.add(place)
            log.warn(
                "breakpoint() at {file}:{line} is passed over: this worker has no "
                "terminal; run 'twistd -n cluster --workers 1 ...' at one",
                file=place[0],
                line=place[1],
            )
