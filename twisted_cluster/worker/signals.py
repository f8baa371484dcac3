"""
What a worker makes of signals before its application does.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from types import FrameType

# Whoever sends them to the whole group means the cluster.
SHARED = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


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


def leaveToPrimary() -> None:
    """
    By what the whole group is sent no worker ends, unless its application wants that: the
    primary decides.
    """
    for number in SHARED:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, letPrimaryDecide)


def passOn(number: int) -> None:
    """
    What the primary was sent is for the application, if that has a handler for it.
    """
    handler = signal.getsignal(number)
    if handler not in (signal.SIG_DFL, signal.SIG_IGN, letPrimaryDecide):
        os.kill(os.getpid(), number)
