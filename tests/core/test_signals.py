"""
What signals mean.
"""

from __future__ import annotations

import signal
from pathlib import Path

from twisted_cluster.core.signals import MEANINGS, Does, meaningOf, table

LIVES = Path(__file__).parents[2] / "docs/lives.md"


def test_thePageHasTheTable() -> None:
    """
    Line by line: python -c 'from twisted_cluster.core.signals import table;
    print(*table(), sep=chr(10))' writes it.
    """
    assert "\n".join(table()) in LIVES.read_text()


def test_everySignalOfTheSystemIsInIt() -> None:
    """
    But for those of real time, which have no names, and second names of others.
    """
    names = {one.name for one in signal.Signals}
    known = names - {"SIGRTMIN", "SIGRTMAX", "SIGCLD", "SIGPOLL", "SIGIOT"}
    # Not on Linux.
    assert known - {"SIGEMT", "SIGINFO"} <= set(MEANINGS)


def test_whatIsOfRealTimeStops() -> None:
    """
    As any that would end the process.
    """
    assert meaningOf("SIG50").does is Does.STOP
    assert meaningOf("SIGALRM").does is Does.STOP
