"""
What services return when they are started.
"""

from __future__ import annotations

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory
from zope.interface import implementer

from twisted_cluster.worker.starting import noted


class Slow(Service):
    """
    Returns what it was made with.
    """

    def __init__(self, result: object) -> None:
        self._result = result

    def startService(self) -> object:
        super().startService()
        return self._result


@implementer(IStreamServerEndpoint)
class SlowEndpoint:
    """
    Listens some time later.
    """

    def __init__(self) -> None:
        self.port: Deferred[object] = Deferred()

    def listen(self, factory: object) -> Deferred[object]:
        return self.port


class Parent(MultiService):
    """
    Has one more as soon as it runs.
    """

    def __init__(self, later: Service) -> None:
        super().__init__()
        self._later = later

    def startService(self) -> None:
        super().startService()
        self._later.setServiceParent(self)


def test_whatServicesReturnIsNoted() -> None:
    """
    Those of services within services, and of those that come while they start; what is
    neither a Deferred nor a coroutine is not.
    """
    deep: Deferred[object] = Deferred()
    late: Deferred[object] = Deferred()

    async def start() -> str:
        return "started"

    root, inner = MultiService(), Parent(Slow(late))
    inner.setServiceParent(root)
    for result in (deep, start(), None, "text"):
        Slow(result).setServiceParent(inner)
    with noted() as found:
        root.privilegedStartService()
        root.startService()
    assert [deep in found, late in found, len(found)] == [True, True, 3]
    done = [one.result for one in found if one.called]
    assert done == ["started"]
    assert all(service.running for service in [root, inner, *inner])


def test_portsThatOpenLaterAreNoted() -> None:
    """
    They are part of the start.
    """
    endpoint = SlowEndpoint()
    root = MultiService()
    StreamServerEndpointService(endpoint, Factory()).setServiceParent(root)
    with noted() as found:
        root.startService()
    assert found == [endpoint.port]


def test_collectionsAreStockAfterwards() -> None:
    """
    Whatever has happened.
    """
    names = ("privilegedStartService", "startService", "addService")
    before = [getattr(MultiService, name) for name in names]
    with noted():
        pass
    assert [getattr(MultiService, name) for name in names] == before
