"""
What services return when they are started: Twisted takes no notice of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import iscoroutine
from typing import Any, cast

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred

STEPS = ("privilegedStartService", "startService")


def asDeferred(result: object) -> Deferred[object] | None:
    """
    @return: What a L{Deferred} or a coroutine is waited for by; L{None}: it is neither.
    """
    if iscoroutine(result):
        return Deferred.fromCoroutine(result)
    return result if isinstance(result, Deferred) else None


@contextmanager
def noted() -> Iterator[list[Deferred[object]]]:
    """
    While it lasts, each collection of services does with its own as a stock one, and
    what is to be waited for of that is in the list: what their start returns, and ports
    that are about to open.
    """
    found: list[Deferred[object]] = []
    stock = {name: getattr(MultiService, name) for name in (*STEPS, "addService")}
    for name in STEPS:
        setattr(MultiService, name, _startingAll(name, found))
    MultiService.addService = _adding(stock["addService"], found)  # type: ignore[method-assign]
    try:
        yield found
    finally:
        for name, method in stock.items():
            setattr(MultiService, name, method)


def _startingAll(name: str, found: list[Deferred[object]]) -> Any:
    def startAll(services: MultiService) -> None:
        getattr(Service, name)(services)
        for service in services:
            _start(service, name, found)

    return startAll


def _adding(add: Any, found: list[Deferred[object]]) -> Any:
    def addService(services: MultiService, service: IService) -> None:
        isRunning, services.running = services.running, False
        try:
            add(services, service)
        finally:
            services.running = isRunning
        if isRunning:
            for name in STEPS:
                _start(service, name, found)

    return addService


def _start(service: IService, name: str, found: list[Deferred[object]]) -> None:
    result = asDeferred(getattr(service, name)())
    if result is not None:
        found.append(result)
    if name == STEPS[-1] and isinstance(service, StreamServerEndpointService):
        port = cast("Deferred[object] | None", service._waitingForPort)
        if port is not None and not port.called:
            found.append(port)
