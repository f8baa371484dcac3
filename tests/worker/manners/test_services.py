"""
Which services an application has.
"""

from __future__ import annotations

from twisted.application.service import Application, MultiService, Service

from twisted_cluster.worker.manners.services import servicesOf


def test_servicesWithinOthersAreFound() -> None:
    """
    Those that run, the outer ones first.
    """
    application = Application("of a test")
    outer, inner, asleep = MultiService(), Service(), Service()
    outer.setServiceParent(application)
    inner.setServiceParent(outer)
    outer.startService()
    asleep.setServiceParent(outer)
    asleep.running = False
    assert list(servicesOf(application)) == [outer, inner]


def test_whatHasNoServicesHasNone() -> None:
    """
    As a program that is no application.
    """
    assert list(servicesOf(object())) == []
