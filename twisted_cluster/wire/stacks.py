"""
How a worker lets the primary see where it is, whatever it does: a signal makes Python
write the stack of every thread to a pipe, without a turn of its loop and without the
interpreter's lock.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
from collections.abc import Iterable, Mapping

from twisted_cluster.wire.descriptors import PAGE, STACKS, VARIABLE
from twisted_cluster.wire.page import tellSignal


def offer(environment: Mapping[str, str]) -> None:
    """
    A worker begins: let it be seen what it does from now on. Who cannot is not seen; what
    is wrong with it says who takes the announcement.

    @param environment: This process's.
    """
    try:
        told = json.loads(environment[VARIABLE])
        first, taken = told["first"], {*told["ignored"], *told["blocked"]}
        number = _freeSignal(taken)
        if number and hasattr(faulthandler, "register"):
            faulthandler.register(number, first + STACKS, all_threads=True)
            tellSignal(first + PAGE, number)
    except (KeyError, TypeError, ValueError, RecursionError, OSError):
        pass


def _freeSignal(taken: Iterable[int]) -> int:
    """
    @param taken: Those that this process was started to be deaf to.
    @return: One that no application uses: the last but one of the real-time signals, or
        one before it. Elsewhere it is what a terminal's Ctrl-T sends. 0 for none.
    """
    if not hasattr(signal, "SIGRTMAX"):
        number: int = getattr(signal, "SIGINFO", 0)
        return 0 if number in taken else number
    for number in range(signal.SIGRTMAX - 1, signal.SIGRTMIN, -1):
        if number not in taken and signal.getsignal(number) == signal.SIG_DFL:
            return number
    return 0


def beginHere() -> None:
    """
    For the process that this is.
    """
    offer(os.environ)
