"""
What the scripts of the conformance tests begin with: they run as real primaries and
workers, say what happens as lines of JSON, and end by themselves.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from twisted.internet import error, reactor, task
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import ClientCreator, Factory, Protocol
from twisted.logger import globalLogPublisher

from twisted_cluster import cluster

__all__ = [
    "Deferred",
    "Factory",
    "Greeter",
    "Holder",
    "Protocol",
    "cluster",
    "connect",
    "error",
    "fetch",
    "gatherResults",
    "json",
    "listen",
    "nextTurn",
    "os",
    "play",
    "reactor",
    "say",
    "sayFailures",
    "signal",
    "stopWhenAlone",
    "sys",
    "until",
    "watch",
]

GUARD = float(os.environ.get("CONFORMANCE_GUARD", "12"))
faulthandler.dump_traceback_later(GUARD + 3, exit=True)
reactor.callLater(GUARD, lambda: (say("guard", pid=os.getpid()), os._exit(99)))


def say(what: str, **facts: Any) -> None:
    """
    Tell the test, in one line.
    """
    os.write(1, json.dumps({"what": what, **facts}).encode() + b"\n")


def stop() -> None:
    """
    Stop the reactor, if it runs.
    """
    if reactor.running:
        reactor.stop()


def play(scene: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """
    Run a coroutine once the reactor runs, then stop; what it raises is printed and
    the process ends with 98.
    """

    def fail(why: Any) -> None:
        why.printTraceback(file=sys.stderr)
        sys.stderr.flush()
        os._exit(98)

    def begin() -> None:
        Deferred.fromCoroutine(scene()).addCallbacks(lambda _: stop(), fail)

    reactor.callWhenRunning(begin)


def stopWhenAlone(_: object = None) -> None:
    """
    In the primary: stop when the last worker has gone.
    """

    def look(*_: object) -> None:
        if not cluster.workers:
            stop()

    cluster.on("exit", look)
    cluster.on("disconnect", look)


def watch(emitter: Any, *names: str, **facts: Callable[[], Any]) -> None:
    """
    Say each event of some names, with what is so when it comes.
    """

    def begin(name: str) -> None:
        def tell(*_: object) -> None:
            say(name, **{key: fact() for key, fact in facts.items()})

        emitter.on(name, tell)

    for name in names:
        begin(name)


def sayFailures() -> None:
    """
    Say every failure that is logged.
    """

    def observe(event: Any) -> None:
        failure = event.get("log_failure")
        if failure is not None:
            say("failure", kind=failure.type.__name__, text=str(failure.value))

    globalLogPublisher.addObserver(observe)


async def until(isTrue: Callable[[], object]) -> None:
    """
    Wait until something is true; the guard bounds it.
    """
    while not isTrue():
        await task.deferLater(reactor, 0.01, lambda: None)


def nextTurn() -> Awaitable[None]:
    """
    Wait for the reactor to go round once.
    """
    return task.deferLater(reactor, 0, lambda: None)


class Greeter(Protocol):
    """
    Says the worker's number and closes.
    """

    def connectionMade(self) -> None:
        self.transport.write(b"%d" % (cluster.worker.id if cluster.worker else 0))
        self.transport.loseConnection()


class Holder(Protocol):
    """
    Says the worker's number, and gives back what it hears until the peer closes.
    """

    def connectionMade(self) -> None:
        self.transport.write(b"%d" % (cluster.worker.id if cluster.worker else 0))

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


def listen(protocol: type[Protocol] = Greeter, port: int = 0, **options: Any) -> Any:
    """
    Serve a protocol on a TCP port of 127.0.0.1.
    """
    factory = Factory.forProtocol(protocol)
    return reactor.listenTCP(port, factory, interface="127.0.0.1", **options)


class Client(Protocol):
    """
    Keeps what it hears; C{heard} fires at the first, C{ended} with all of it.
    """

    def __init__(self) -> None:
        self.data = b""
        self.heard: Deferred[bytes] = Deferred()
        self.ended: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        if not self.heard.called:
            self.heard.callback(self.data)

    def connectionLost(self, reason: Any = None) -> None:
        self.ended.callback(self.data)


def connect(port: int, host: str = "127.0.0.1") -> Deferred[Client]:
    """
    A client of a TCP port.
    """
    return ClientCreator(reactor, Client).connectTCP(host, port, timeout=5)


async def fetch(port: int, host: str = "127.0.0.1") -> str:
    """
    What a server says until it closes.
    """
    client = await connect(port, host)
    return (await client.ended).decode()
