"""
C{fd:3}: a listening socket that somebody has left open, by its number.
"""

from __future__ import annotations

from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.interfaces import IReactorCore, IStreamServerEndpointStringParser
from twisted.plugin import IPlugin
from zope.interface import implementer

from twisted_cluster.wire.borrowed import Borrowed


@implementer(IPlugin, IStreamServerEndpointStringParser)
class DescriptorParser:
    """
    Makes such endpoints, under stock C{twistd} as well.
    """

    prefix = "fd"

    def parseStreamServer(
        self, reactor: IReactorCore, *args: object, **kwargs: object
    ) -> AdoptedStreamServerEndpoint:
        return self._make(reactor, *args, **kwargs)

    def _make(self, reactor: IReactorCore, number: object) -> AdoptedStreamServerEndpoint:
        """
        @raise OSError: If there is no such socket.
        """
        fd = int(str(number))
        with Borrowed(fd) as there:
            return AdoptedStreamServerEndpoint(reactor, fd, there.family)
