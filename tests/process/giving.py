"""
What the tests of handles share: a process that gives, and one that takes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.scripts import Script, run

# One process gives, the other takes; GIVER says which. The clients are the primary's.
SCENE = """
import socket, stat
from pathlib import Path
from twisted.internet.protocol import ClientCreator, DatagramProtocol
from twisted_cluster.errors import ClusterError, HandleError

gives = cluster.isPrimary == (os.environ["GIVER"] == "primary")
me = "primary" if cluster.isPrimary else "worker"
KIND = os.environ["KIND"]
cluster.isPrimary and cluster.setupPrimary(dispatch="handoff")
other = cluster.worker or cluster.fork()
lost = []

class Tells(Protocol):
    '''Says how it ended.'''

    def connectionLost(self, reason):
        lost.append(reason.type.__name__)
        other.isConnected() and other.send(["lost", me, reason.type.__name__])
        cluster.isPrimary and say("lost", of=[me, reason.type.__name__])

class Shout(Tells):
    '''Says who it is, and repeats in capitals.'''

    def connectionMade(self):
        self.transport.write(me.encode() + b":")

    def dataReceived(self, data):
        self.transport.write(data.upper())

class Greets(Protocol):
    '''Says who it is, and closes.'''

    def connectionMade(self):
        self.transport.write(me.encode())
        self.transport.loseConnection()

shout, greets = map(Factory.forProtocol, [Shout, Greets])

def serve(protocol, kind=KIND):
    factory = Factory.forProtocol(protocol)
    if kind == "unix":
        return reactor.listenUNIX("port", factory, mode=0o640)
    return reactor.listenTCP(0, factory, interface="127.0.0.1")

def whereIs(port):
    return getattr(port.getHost(), "port", "port")

async def reach(where):
    '''A client.'''
    if isinstance(where, int):
        return await connect(where)
    from tests.conformance.prelude import Client
    return await ClientCreator(reactor, Client).connectUNIX(where)

async def whoServes(where):
    client = await reach(where)
    return (await client.ended).decode()

def openSockets():
    '''How many descriptors of this process are sockets.'''
    count = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
        except OSError:
            pass
    return count

def later(scene):
    '''Run it once the reactor runs; the process goes on.'''
    def fail(why):
        why.printTraceback(file=sys.stderr)
        os._exit(98)
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(scene()).addErrback(fail))

def tellsOfWorker(message, handle=None):
    if message[0] == "lost":
        say("lost", of=message[1:])

if cluster.isPrimary:
    other.on("message", tellsOfWorker)
"""

BOTH = pytest.mark.parametrize("giver", ["primary", "worker"])
KINDS = pytest.mark.parametrize("kind", ["tcp", "unix"])


def give(text: str, directory: Path, giver: str = "primary", kind: str = "tcp") -> Script:
    """
    Run a script that begins with L{SCENE}.
    """
    return run(SCENE + text, directory, env={"GIVER": giver, "KIND": kind})


def ends(script: Script) -> list[tuple[str, str]]:
    """
    How protocols ended: (process, reason), sorted.
    """
    return sorted(tuple(event["of"]) for event in script.of("lost"))
