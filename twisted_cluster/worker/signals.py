"""
What a worker makes of signals before its application does.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable
from types import FrameType


def takeOver(ignored: Iterable[int], blocked: Iterable[int]) -> None:
    """
    Be to signals as the process that the user started was, but for Ctrl-C: that reaches
    the whole foreground group, and the primary decides what it means. It is not ignored,
    for then programs that this worker starts would ignore it as well.

    @param ignored: Those that are ignored, by number.
    @param blocked: Those that are blocked; no others are.
    """
    signal.signal(signal.SIGINT, letPrimaryDecide)
    signal.siginterrupt(signal.SIGINT, False)
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def letPrimaryDecide(number: int, frame: FrameType | None) -> None:
    """
    Do nothing.
    """
