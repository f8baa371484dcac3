"""
What a primary knows of signals.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

# By these somebody tells a process to end; any other has happened to it.
TOLD = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})


@contextmanager
def deafToInterrupts() -> Iterator[None]:
    """
    Ctrl-C reaches the whole group: a child that is born meanwhile does not hear it until
    it knows what it means (L{twisted_cluster.worker.reactor.install}).
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def nameOf(number: int | None) -> str | None:
    """
    @return: A signal's name; real-time signals have only numbers.
    """
    if number is None:
        return None
    known = {int(known): known.name for known in signal.Signals}
    return known.get(number, f"SIG{number}")
