"""
What a primary knows of signals.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

# By these somebody tells a process to end; any other has happened to it.
TOLD = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})


@contextmanager
def deafTo(ignored: Iterable[int]) -> Iterator[None]:
    """
    A child that is born meanwhile hears no signal of these, nor Ctrl-C, which reaches the
    whole group, until it knows what they mean
    (L{twisted_cluster.worker.signals.takeOver}).
    """
    deaf = {signal.SIGINT, *ignored}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, deaf)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hearDeaths() -> None:
    """
    Whoever started this process may have blocked or ignored what tells of the end of a
    child: then nobody would ever know of it.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        # In another thread than the main one it is for whoever has that.
        with suppress(ValueError):
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def nameOf(number: int | None) -> str | None:
    """
    @return: A signal's name; real-time signals have only numbers.
    """
    if number is None:
        return None
    known = {int(known): known.name for known in signal.Signals}
    return known.get(number, f"SIG{number}")
