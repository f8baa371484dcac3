"""
Which reactors workers have a leaner one for.
"""

from __future__ import annotations

import pytest
from twisted.internet.pollreactor import PollReactor
from twisted.internet.posixbase import PosixReactorBase

from twisted_cluster.kinds import kindOf
from twisted_cluster.worker.reactor import ClusterReactorMixin, become

epollreactor = pytest.importorskip("twisted.internet.epollreactor")


def test_epollIsLean() -> None:
    """
    It is taken for Twisted's own.
    """
    from twisted_cluster.lean.reactor import LeanReactor

    reactor = epollreactor.EPollReactor()
    become(reactor)
    assert isinstance(reactor, ClusterReactorMixin)
    assert isinstance(reactor, LeanReactor)
    assert {type(reactor)} == {epollreactor.EPollReactor}
    assert type(reactor).__name__ == "EPollReactor"
    assert kindOf(reactor) == "epoll"


def test_epollStockIsNot() -> None:
    """
    Nor are reactors that a program makes of Twisted's.
    """
    from twisted_cluster.lean.reactor import LeanReactor
    from twisted_cluster.lean.stock import StockReactor

    class Own(epollreactor.EPollReactor):  # type: ignore[misc,name-defined]
        """
        It may change what the lean one counts upon.
        """

    assert kindOf(StockReactor()) == "epoll-stock"
    reactors: list[PosixReactorBase] = [StockReactor(), Own(), PollReactor()]
    for made in reactors:
        become(made)
        assert isinstance(made, ClusterReactorMixin)
        assert not isinstance(made, LeanReactor)
