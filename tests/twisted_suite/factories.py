"""
The reactors under test, as L{ReactorBuilder} wants them: by dotted name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.test import reactormixins
from twisted.python.reflect import namedAny

from tests.twisted_suite.links import LinkSource

NAMES = {
    "epoll": "EPollReactor",
    "poll": "PollReactor",
    "select": "SelectReactor",
    "asyncio": "AsyncioSelectorReactor",
}

# Where links come from; None leaves the reactors as they are.
source: LinkSource | None = None


def _join(case: Any, reactor: Any) -> Any:
    if source is not None:
        # Cleanups run last in, first out: after the reactor's own.
        case.addCleanup(source.join(reactor))
    return reactor


def _factory(name: str) -> Callable[[Any], Any]:
    def build(case: Any) -> Any:
        return _join(case, namedAny(name)())

    return build


EPollReactor = _factory("twisted.internet.epollreactor.EPollReactor")
PollReactor = _factory("twisted.internet.pollreactor.PollReactor")
SelectReactor = _factory("twisted.internet.selectreactor.SelectReactor")


def AsyncioSelectorReactor(case: Any) -> Any:
    """
    Each one has an event loop of its own.
    """
    return _join(case, reactormixins.asyncioSelectorReactor(case))
