"""
Handles in messages: section 2h of the catalogue, and C82, C83 and C86.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import run

pytestmark = pytest.mark.process


@row(
    "C82",
    behaviour="A server that is sent to a worker is served there.",
    ours="the same: handle.listen(factory)",
)
def test_C82_portInAMessage(tmp_path: Path) -> None:
    """
    A port of the primary, closed there when a worker has it.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            @onCommand
            def take(message, handle):
                handle.listen(Factory.forProtocol(Greeter))
                tell("taken")
        else:
            @play
            async def scene():
                port = serve()
                number = port.getHost().port
                worker = cluster.fork()
                inbox = Inbox(worker)
                await worker.send("take", port)
                await inbox.next()
                await port.stopListening()
                say("told", port=number, answers=await answersOf(number))

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("told")["answers"] == ["1"]


@row(
    "C83",
    behaviour="A worker that listens with a handle of its own does not ask the primary.",
    ours="the same: reactor.adoptStreamPort",
)
def test_C83_ownSocketIsNotThePrimarysAffair(tmp_path: Path) -> None:
    """
    The primary has no such port, and no event of it.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            with socket.socket() as own:
                own.bind((LOCAL, 0))
                own.listen()
                own.setblocking(False)
                factory = Factory.forProtocol(Greeter)
                reactor.adoptStreamPort(own.fileno(), own.family, factory)
                tell(own.getsockname()[1])
        else:
            cluster.on("listening", lambda: say("listening"))

            @play
            async def scene():
                port = await Inbox(cluster.fork()).next()
                say("told", port=port, here=port in boundHere(),
                    answers=await answersOf(port))

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert told["answers"] == ["1"]
    assert not told["here"]
    assert not script.of("listening")


@row(
    "C86",
    behaviour="A connection sent by hand to a worker is served by its HTTP server.",
    ours="the same: handle.adopt(site); what the primary has read goes along",
)
def test_C86_connectionForAnHTTPServer(tmp_path: Path) -> None:
    """
    The primary reads the request, a worker's Site answers it and knows the peer.
    """
    script = run(
        """
        from tests.conformance.serving import *
        from twisted.web.resource import Resource
        from twisted.web.server import Site

        class Peer(Resource):
            isLeaf = True

            def render_GET(self, request):
                return b"peer %d" % request.getClientAddress().port

        class Sender(Protocol):
            def dataReceived(self, data):
                worker.send("take", self.transport, unread=data)

            def connectionLost(self, reason):
                say("given", kind=reason.type.__name__)

        if cluster.isWorker:
            site = Site(Peer())
            onCommand(lambda message, handle: handle.adopt(site))
            tell("up")
        else:
            worker = cluster.fork()

            @play
            async def scene():
                await Inbox(worker).next()
                port = reactor.listenTCP(0, Factory.forProtocol(Sender), interface=LOCAL)
                client = await connect(port.getHost().port)
                own = client.transport.getHost().port
                client.transport.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
                answer = (await client.ended).decode()
                say("answer", status=answer.split("\\r\\n")[0],
                    peer=answer.endswith(f"peer {own}"), port=port.getHost().port)

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("answer")["status"].endswith("200 OK")
    assert script.the("answer")["peer"]
    assert script.the("given")["kind"] == "ConnectionDone"


@row(
    "C125",
    behaviour="A connection sent from child to parent carries data and its end.",
    ours="the same, and what the worker has read goes along",
    difference="Node's sender has to pause it before it reads.",
)
def test_C125_connectionSentToThePrimary(tmp_path: Path) -> None:
    """
    Half read by the worker; the rest, the answer and the end are the primary's.
    """
    script = run(
        """
        from tests.conformance.serving import *

        class Sender(Protocol):
            def dataReceived(self, data):
                cluster.worker.send("take", self.transport, unread=data)

            def connectionLost(self, reason):
                cluster.worker.send(reason.type.__name__)

        class Listener(Client):
            def dataReceived(self, data):
                super().dataReceived(data)
                self.transport.write(b"%d." % len(data))

        if cluster.isWorker:
            listen(Sender)
        else:
            @play
            async def scene():
                [worker], [port] = await up()
                adopted, losses = [], []

                @worker.on("message")
                def take(message, handle):
                    if handle is None:
                        losses.append(message)
                    else:
                        adopted.append(handle.adopt(Factory.forProtocol(Listener)))

                client = await connect(port)
                client.transport.write(b"hello")
                await client.heard
                client.transport.write(b" and bye")
                client.transport.loseConnection()
                await client.ended
                [transport] = adopted
                heard = (await transport.protocol.ended).decode()
                await until(lambda: losses)
                say("told", heard=heard, answer=client.data.decode()[:2], losses=losses,
                    port=port)

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert told["heard"] == "hello and bye"
    assert told["answer"] == "5."
    assert told["losses"] == ["ConnectionDone"]


@row(
    "C127",
    behaviour="Sending one connection twice crashes nobody; the second comes without it.",
    ours="the first arrives; sending it again is a HandleError",
    difference="The sender learns it: Node reports success, and the receiver gets a "
    "message without its handle.",
)
def test_C127_sentTwiceIsAnError(tmp_path: Path) -> None:
    """
    While the first is on its way, and when it has left.
    """
    script = run(
        """
        from twisted_cluster.errors import HandleError
        from tests.conformance.serving import *

        async def attempt(name, transport):
            try:
                await worker.send(name, transport)
            except HandleError as problem:
                say("refused", name=name, text=str(problem))
            else:
                say("sent", name=name)

        class Sender(Protocol):
            def connectionMade(self):
                Deferred.fromCoroutine(self.sendThrice())

            async def sendThrice(self):
                first = Deferred.fromCoroutine(attempt("first", self.transport))
                await attempt("second", self.transport)
                await first
                await attempt("third", self.transport)
                done.callback(None)

        if cluster.isWorker:
            @onCommand
            def take(message, handle):
                if handle is None:
                    tell(message)
                else:
                    handle.adopt(Factory.forProtocol(Greeter))
            tell("up")
        else:
            worker = cluster.fork()
            done = Deferred()

            @play
            async def scene():
                inbox = Inbox(worker)
                await inbox.next()
                port = listen(Sender)
                answer = await fetch(port.getHost().port)
                await done
                worker.send("alive")
                say("told", answer=answer, next=await inbox.next())

        reactor.run()
        """,
        tmp_path,
    )
    assert [event["name"] for event in script.of("sent")] == ["first"]
    assert [event["name"] for event in script.of("refused")] == ["second", "third"]
    told = script.the("told")
    assert (told["answer"], told["next"]) == ("1", "alive")
