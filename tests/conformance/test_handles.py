"""
Handles in messages: section 2h of the catalogue, and what 2d has of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.acting import act, told
from tests.conformance.rows import row

pytestmark = pytest.mark.process


@row(
    "C82",
    behaviour="A server that is sent to a worker listens there.",
    ours="the same: handle.listen(factory)",
)
def test_C82_aPortThatIsSentListensThere(tmp_path: Path) -> None:
    """
    A port of the primary, which closes its own; the worker serves it.
    """
    script = act(
        """
        if cluster.isWorker:
            def take(message, handle):
                port = handle.listen(Factory.forProtocol(Greeter))
                tell("listens", port.getHost().port)
            cluster.worker.on("message", take)
        else:
            async def scene():
                port = listen()
                number = port.getHost().port
                worker = cluster.fork()
                await worker.send("here", port)
                await worker.when("message")
                await port.stopListening()
                say("served", port=number, by=[await fetch(number) for _ in range(3)])
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("served")["by"] == ["1"] * 3
    assert told(script, "listens") == [(1, script.the("served")["port"])]


@row(
    "C83",
    behaviour="A worker that listens on a handle does not ask the primary.",
    ours="adoptStreamPort is the worker's own",
)
def test_C83_anAdoptedPortIsTheWorkers(tmp_path: Path) -> None:
    """
    The primary has no listener; the worker serves.
    """
    script = act(
        """
        import socket
        if cluster.isWorker:
            with socket.socket() as own:
                own.bind(("127.0.0.1", 0))
                own.listen()
                own.setblocking(False)
                port = reactor.adoptStreamPort(
                    own.fileno(), own.family, Factory.forProtocol(Greeter))
            reactor.callWhenRunning(tell, "listens", port.getHost().port)
        else:
            async def scene():
                worker = cluster.fork()
                message, _ = await worker.when("message")
                say("served", port=message[1], by=await fetch(message[1]),
                    listeners=len(cluster._ground.listeners.byNumber))
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("served")["by"] == "1"
    assert script.the("served")["listeners"] == 0


@row(
    "C86",
    behaviour="A connection that is sent to a worker can be given to its HTTP server.",
    ours="the same: handle.adopt(site)",
)
def test_C86_aConnectionThatIsSentIsServed(tmp_path: Path) -> None:
    """
    The request is answered by the worker, and knows its peer.
    """
    script = act(
        """
        if cluster.isWorker:
            from twisted.web.resource import Resource
            from twisted.web.server import Site
            class Page(Resource):
                isLeaf = True
                def render_GET(self, request):
                    return b"%d %d" % (cluster.worker.id, request.getClientAddress().port)
            site = Site(Page())
            cluster.worker.on("message", lambda message, handle: handle.adopt(site))
            cluster.worker.send(["ready"])
        else:
            class Give(Protocol):
                def connectionMade(self):
                    worker.send("yours", self.transport)
                def connectionLost(self, reason):
                    say("lost", why=reason.type.__name__)
            async def scene():
                await worker.when("message")
                port = listen(Give)
                client = await connect(port.getHost().port)
                own = client.transport.getHost().port
                client.transport.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
                answer = (await client.ended).decode().splitlines()[-1]
                say("answer", text=answer, own=own)
                await port.stopListening()
                await cluster.disconnect()
            worker = cluster.fork()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    answer = script.the("answer")
    assert answer["text"] == f"1 {answer['own']}"
    assert script.the("lost")["why"] == "ConnectionDone"


@row(
    "C125",
    behaviour="A connection sent from child to parent carries its data and its end.",
    ours="the same, with bytes that were read already",
)
def test_C125_aConnectionGoesToThePrimary(tmp_path: Path) -> None:
    """
    The first bytes are read in the worker, the rest in the primary, in order.
    """
    script = act(
        """
        if cluster.isWorker:
            class Give(Protocol):
                def dataReceived(self, data):
                    cluster.worker.send(["yours"], self.transport, unread=data)
            listen(Give)
        else:
            class Take(Protocol):
                data = b""
                def dataReceived(self, data):
                    self.data += data
                    self.transport.write(b"+")
                def connectionLost(self, reason):
                    say("ended", data=self.data.decode())
            async def scene():
                worker = cluster.fork()
                info = await worker.when("listening")
                worker.on("message", lambda message, handle:
                    handle.adopt(Factory.forProtocol(Take)))
                client = await connect(info.port)
                client.transport.write(b"first ")
                await client.heard
                client.transport.write(b"second")
                await until(lambda: len(client.data) == 2)
                client.transport.loseConnection()
                await client.ended
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("ended")["data"] == "first second"


@row(
    "C127",
    behaviour="A connection is sent twice: no crash.",
    ours="the second send raises HandleError",
    difference="it says what is wrong",
)
def test_C127_sentTwiceIsAnError(tmp_path: Path) -> None:
    """
    The first arrives all the same.
    """
    script = act(
        """
        from twisted_cluster.errors import HandleError
        if cluster.isWorker:
            cluster.worker.on("message", lambda message, handle:
                handle and handle.adopt(Factory.forProtocol(Greeter)))
            cluster.worker.send(["ready"])
        else:
            class Give(Protocol):
                def connectionMade(self):
                    Deferred.fromCoroutine(twice(self.transport))
            async def twice(transport):
                first = worker.send("yours", transport)
                for when in ("at once", "later"):
                    try:
                        await worker.send("again", transport)
                    except HandleError as problem:
                        say("refused", when=when, text=str(problem))
                    await first
            async def scene():
                await worker.when("message")
                port = listen(Give)
                say("served", by=await fetch(port.getHost().port))
                await port.stopListening()
                await cluster.disconnect()
            worker = cluster.fork()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("served")["by"] == "1"
    assert [event["when"] for event in script.of("refused")] == ["at once", "later"]
    for event in script.of("refused"):
        assert "nothing can be sent" in event["text"]
