"""
A reactor that is turned by hand.
"""

from __future__ import annotations

from twisted.internet.epollreactor import EPollReactor


def turn(reactor: EPollReactor, count: int = 1) -> None:
    """
    Turn a reactor some times, without waiting.
    """
    for _ in range(count):
        reactor.runUntilCurrent()
        reactor.doIteration(0)
