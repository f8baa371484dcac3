"""
What workers have for Twisted's epoll reactor.
"""

from __future__ import annotations

from twisted.internet.posixbase import PosixReactorBase

EPOLL = "twisted.internet.epollreactor"
STOCK = "twisted_cluster.lean.stock"


def leaner(kind: type) -> tuple[type, ...]:
    """
    @param kind: A class of reactors.
    @return: The class that it is to be taken for, and what else it is to be made of, so
        that it does the same with less.
    """
    if kind.__module__ not in (EPOLL, STOCK):
        return (kind,)
    # Only now: not every system has it.
    from twisted.internet.epollreactor import EPollReactor

    from twisted_cluster.lean.reactor import LeanReactor

    return (EPollReactor, LeanReactor) if kind.__module__ == EPOLL else (EPollReactor,)


def begin(reactor: PosixReactorBase) -> None:
    """
    A reactor has become another.
    """
    if hasattr(reactor, "beginLean"):
        reactor.beginLean()
