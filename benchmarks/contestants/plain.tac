"""
One process without a cluster. BENCHMARK_APP and BENCHMARK_PORT say what and where;
with BENCHMARK_SHARDED the port is shared with other such processes (SO_REUSEPORT).
"""

import os
import socket

from twisted.application import service
from twisted.internet.interfaces import IReactorSocket, IReactorTCP
from twisted.python.reflect import namedAny

BACKLOG = 511


class Plain(service.Service):
    """
    Listens as soon as the reactor runs.
    """

    def startService(self) -> None:
        from twisted.internet import reactor

        super().startService()
        factory = namedAny(os.environ["BENCHMARK_APP"])
        port = int(os.environ["BENCHMARK_PORT"])
        if "BENCHMARK_SHARDED" in os.environ:
            self._listenSharded(IReactorSocket(reactor), factory, port)
        else:
            IReactorTCP(reactor).listenTCP(port, factory, BACKLOG, "127.0.0.1")

    def _listenSharded(self, reactor, factory, port):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.setblocking(False)
            listener.bind(("127.0.0.1", port))
            listener.listen(BACKLOG)
            reactor.adoptStreamPort(listener.fileno(), socket.AF_INET, factory)


application = service.Application("plain")
Plain().setServiceParent(application)
