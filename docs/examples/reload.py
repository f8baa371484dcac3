"""
A reload that nobody notices, by hand: on SIGHUP each worker is replaced by a new one,
which must listen before the old one is told to finish; and whoever dies is replaced.

python docs/examples/reload.py [PORT]
"""

import os
import signal
import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from twisted_cluster import cluster


class Greet(Protocol):
    def connectionMade(self):
        self.transport.write(b"%d\n" % cluster.worker.id)
        self.transport.loseConnection()


async def reload():
    for old in list(cluster.workers.values()):
        await cluster.fork().when("listening")
        old.disconnect()
    print("reloaded", flush=True)


def replace(worker, code, signal):
    if not worker.exitedAfterDisconnect:
        print(f"worker {worker.id} died ({signal or code})", flush=True)
        cluster.fork()


if cluster.isPrimary:
    for _ in range(os.cpu_count() or 1):
        cluster.fork()
    cluster.on("exit", replace)
    signal.signal(
        signal.SIGHUP,
        lambda *_: reactor.callFromThread(Deferred.fromCoroutine, reload()),
    )
else:
    port = int(sys.argv[1]) if sys.argv[1:] else 8000
    reactor.listenTCP(port, Factory.forProtocol(Greet))
reactor.run()
