"""
Which services an application has.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.application.service import IService, IServiceCollection


def servicesOf(application: object) -> Iterator[IService]:
    """
    @param application: What twistd runs.
    @return: Those that run, the outer ones first.
    """
    collection = IServiceCollection(application, None)
    for service in () if collection is None else tuple(collection):
        if service.running:
            yield service
        yield from servicesOf(service)
