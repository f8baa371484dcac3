"""
Python's debugger, in a worker that has a terminal.
"""

from __future__ import annotations

import os
from functools import cache
from pdb import Pdb
from time import monotonic_ns
from typing import Any, TextIO

from twisted_cluster.wire.page import SITTING, Page

TERMINAL = 0


class Debugger(Pdb):
    """
    As long as somebody sits there this worker shows that its silence is none.
    """

    def __init__(self, page: Page) -> None:
        # Ctrl-C goes on to mean what it means for the whole cluster.
        super().__init__(stdin=_reading(), stdout=_writing(), nosigint=True)
        self._page = page

    def interaction(self, *given: Any, **named: Any) -> None:
        page = self._page
        page.held = SITTING
        try:
            super().interaction(*given, **named)
        finally:
            page.heartbeat = monotonic_ns()
            page.held = 0


@cache
def _reading() -> TextIO:
    return open(os.dup(TERMINAL))


@cache
def _writing() -> TextIO:
    # Not standard output, which is logged.
    return open(os.dup(TERMINAL), "w")
