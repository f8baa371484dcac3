"""
Twisted's own epoll reactor, under a name by which a cluster's workers leave it as it is.
"""

from __future__ import annotations

from twisted.internet import main
from twisted.internet.epollreactor import EPollReactor


class StockReactor(EPollReactor):
    """
    The stock reactor, and nothing else.
    """


def install() -> None:
    """
    Install the stock reactor.
    """
    main.installReactor(StockReactor())
