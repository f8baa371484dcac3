"""
Handles that cannot be sent, whose taker is gone, and what is left of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.giving import BOTH, give

pytestmark = pytest.mark.process


def test_whatCannotBeSentIsRefused(tmp_path: Path) -> None:
    """
    At once, whatever it is; the channel goes on, and so does a connection.
    """
    script = give(
        """
import ssl
from twisted.internet.ssl import CertificateOptions, optionsForClientTLS

def attempt(what, handle):
    try:
        other.send([what], handle).addErrback(lambda why: say("late", of=what))
    except HandleError as problem:
        say("refused", of=what, text=str(problem))
    else:
        say("sent", of=what)

if gives:
    async def scene():
        port = serve(Shout)
        where = whereIs(port)
        client = await connect(where)
        await client.heard
        client.transport.startTLS(CertificateOptions())
        attempt("TLS", client.transport)
        client.transport.abortConnection()
        ended = await connect(where)
        ended.transport.abortConnection()
        attempt("closing connection", ended.transport)
        await ended.ended
        attempt("closed connection", ended.transport)

        secure = Protocol()
        secure.makeConnection = lambda transport: made.callback(transport)
        made = Deferred()
        secured = reactor.connectSSL("127.0.0.1", where, one(secure),
                                     CertificateOptions())
        transport = await made
        attempt("wrapped TLS", transport)
        transport.abortConnection()

        plain = ssl.create_default_context()
        with socket.create_connection(("127.0.0.1", where)) as own:
            with plain.wrap_socket(own, server_hostname="localhost",
                                   do_handshake_on_connect=False) as wrapped:
                attempt("TLS socket", wrapped)
        with socket.socket() as gone:
            pass
        attempt("closed socket", gone)

        udp = reactor.listenUDP(0, DatagramProtocol(), "127.0.0.1")
        await udp.stopListening()
        attempt("closed UDP port", udp)
        other_ = serve(Shout)
        await other_.stopListening()
        attempt("closed port", other_)
        with open(os.devnull) as file:
            attempt("file", file)
        attempt("number", 3)

        pushed = await connect(where)
        await pushed.heard
        pushed.transport.registerProducer(Pushes(), True)
        attempt("producer", pushed.transport)
        pushed.transport.unregisterProducer()
        pushed.transport.write(b"on")
        await until(lambda: pushed.data.endswith(b"ON"))
        pushed.transport.loseConnection()
        await pushed.ended
        say("answer", it=await other.ask("still there?"))
        await port.stopListening()
        await cluster.disconnect()
    class one(Factory):
        noisy = False
        def __init__(self, protocol):
            self.protocol = protocol
        def doStart(self): pass
        def doStop(self): pass
        def startedConnecting(self, connector): pass
        def clientConnectionLost(self, connector, reason): pass
        def clientConnectionFailed(self, connector, reason): pass
        def buildProtocol(self, address):
            return self.protocol
    from zope.interface import implementer
    from twisted.internet.interfaces import IPushProducer
    @implementer(IPushProducer)
    class Pushes:
        def pauseProducing(self): pass
        def resumeProducing(self): pass
        def stopProducing(self): pass
    play(scene)
else:
    other.answer(lambda question: "yes")
    other.on("message", lambda message, handle: handle and say("came", of=message[0]))
reactor.run()
""",
        tmp_path,
    )
    assert not script.of("sent")
    assert "came" not in script.kinds()
    refused = {event["of"]: event["text"] for event in script.of("refused")}
    assert len(refused) == 11
    assert "closed" in refused["closing connection"]
    for what in ["TLS", "wrapped TLS", "TLS socket"]:
        assert "TLS" in refused[what], refused
    for what in ["connection", "socket", "port", "UDP port"]:
        assert "closed" in refused[f"closed {what}"]
    for what in ["file", "number"]:
        assert "what can is a TCP or UNIX connection" in refused[what]
    assert "producer" in refused["producer"]
    assert script.the("answer")["it"] == "yes"


@pytest.mark.parametrize("when", ["gone", "gone meanwhile", "too long"])
def test_aConnectionThatCannotBeSentGoesOnHere(tmp_path: Path, when: str) -> None:
    """
    The worker is dead, or dies before it could take it, or the message is too long: the
    Deferred fails, and the connection is served here, also what came meanwhile.
    """
    script = give(
        f"""
WHEN = {when!r}
"""
        """
from twisted_cluster.wire import mail
async def attempt(transport, data):
    try:
        unread = b"x" * ((1 << 28) + 1) if WHEN == "too long" else data
        await other.send(["yours"], transport, unread=unread)
    except ClusterError as problem:
        say("failed", kind=type(problem).__name__)
        transport.write(b"here:" + data.upper())

class Give(Tells):
    given = False
    def dataReceived(self, data):
        if self.given:
            self.transport.write(data.upper())
        else:
            self.given = True
            Deferred.fromCoroutine(attempt(self.transport, data))

if gives:
    async def scene():
        port = serve(Give)
        await other.when("online")
        if WHEN == "gone":
            other.kill("SIGKILL")
            await other.when("exit")
        elif WHEN == "gone meanwhile":
            os.kill(other.process.pid, signal.SIGSTOP)
            full = other.send("x" * 10_000_000)
        client = await connect(whereIs(port))
        client.transport.write(b"first")
        if WHEN == "gone meanwhile":
            await until(lambda: other._peer.mail._outgoing._parcels.descriptors)
            client.transport.write(b" second")
            other.kill("SIGKILL")
            full.addErrback(lambda why: None)
        await until(lambda: client.data.startswith(b"here:FIRST"))
        client.transport.write(b" third")
        await until(lambda: client.data.endswith(b"THIRD"))
        say("heard", text=client.data.decode(), lost=lost)
        client.transport.loseConnection()
        await until(lambda: lost)
        await port.stopListening()
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
        tmp_path,
    )
    kind = "MessageTooLongError" if when == "too long" else "ChannelClosedError"
    assert script.the("failed")["kind"] == kind
    between = " SECOND" if when == "gone meanwhile" else ""
    assert script.the("heard") == {
        "what": "heard",
        "text": f"here:FIRST{between} THIRD",
        "lost": [],
    }


@pytest.mark.parametrize("keepOpen", [False, True])
def test_aConnectionIsAbortedWhileItIsSent(tmp_path: Path, keepOpen: bool) -> None:
    """
    It ends here once, without an error; the other process has it all the same.
    """
    script = give(
        f"""
KEEP = {keepOpen}
"""
        """
sayFailures()
class Give(Tells):
    def connectionMade(self):
        sent = other.send(["yours"], self.transport, keepOpen=KEEP)
        self.transport.abortConnection()
        sent.addCallbacks(lambda _: say("sent"), lambda why: say("failed", why=str(why)))
    def connectionLost(self, reason):
        lost.append(reason.type.__name__)

if gives:
    async def scene():
        port = serve(Give)
        await other.when("online")
        client = await connect(whereIs(port))
        await until(lambda: client.data == b"worker:")
        say("here", lost=lost)
        client.transport.loseConnection()
        await port.stopListening()
        await cluster.disconnect()
    play(scene)
else:
    other.on("message", lambda message, handle: handle.adopt(shout))
reactor.run()
""",
        tmp_path,
    )
    assert script.of("sent"), script.story()
    assert not script.of("failed") + script.of("failure")
    assert len(script.the("here")["lost"]) == 1


@BOTH
def test_whoGaveItsConnectionMayEnd(tmp_path: Path, giver: str) -> None:
    """
    A worker does not wait for what it has given away, and does for what it was given.
    """
    script = give(
        """
if gives:
    class Give(Tells):
        def connectionMade(self):
            other.send(["yours"], self.transport)
    port = serve(Give)
    cluster.isWorker and other.send(["port", whereIs(port)])
else:
    other.on("message", lambda message, handle: handle and handle.adopt(shout))

if cluster.isPrimary:
    async def scene():
        where = whereIs(port) if gives else (await ready)[0][1]
        client = await connect(where)
        await until(lambda: client.data.endswith(b":"))
        ended = other.when("exit")
        other.disconnect()
        if gives:
            await until(lambda: not other.isConnected())
        else:
            say("exit", how=await ended)
        client.transport.write(b"on")
        await until(lambda: client.data.endswith(b"ON"))
        say("served", ended=ended.called)
        client.transport.loseConnection()
        await client.ended
        if gives:
            say("exit", how=await ended)
            await port.stopListening()
    ready = other.when("message")
    play(scene)
reactor.run()
""",
        tmp_path,
        giver,
    )
    assert script.the("exit")["how"] == [0, None], script.story()
    assert script.the("served")["ended"] == (giver == "worker")


@BOTH
def test_noDescriptorIsLeftOver(tmp_path: Path, giver: str) -> None:
    """
    After many connections, sockets and ports, adopted, closed, not looked at or refused,
    both processes have the sockets that they had.
    """
    script = give(
        """
ROUND = 30
if gives:
    class Give(Protocol):
        def connectionMade(self):
            other.send(["adopt"], self.transport)
    port = serve(Give)
    async def others():
        for n in range(ROUND):
            for what in ("close", "ignore"):
                near, far = socket.socketpair()
                sent = other.send([what], far)
                near.close()
                await sent
        udp = reactor.listenUDP(0, DatagramProtocol(), "127.0.0.1")
        tcp = serve(Greets)
        for handle in (udp, tcp):
            for what in ("close", "ignore"):
                await other.send([what], handle)
            await handle.stopListening()
        try:
            other.send(["no"], object())
        except HandleError:
            return openSockets()
    if cluster.isWorker:
        other.send(["port", whereIs(port)])
        other.answer(lambda what: others() if what == "others" else openSockets())
else:
    def take(message, handle):
        if message[0] == "adopt":
            handle.adopt(greets)
        elif message[0] == "close":
            handle.close()
    other.on("message", take)
    if cluster.isWorker:
        other.answer(lambda question: openSockets())

if cluster.isPrimary:
    async def clients(where):
        for client in [await connect(where) for _ in range(ROUND)]:
            await client.ended
    async def scene():
        where = whereIs(port) if gives else (await ready)[0][1]
        await clients(where)
        async def counts():
            return [openSockets(), await other.ask("count")]
        before = await counts()
        await clients(where)
        await (others() if gives else other.ask("others"))
        for _ in range(200):
            after = await counts()
            if after <= before:
                break
            await nextTurn()
        say("sockets", before=before, after=after)
        if gives:
            await port.stopListening()
        await cluster.disconnect()
    ready = other.when("message")
    play(scene)
reactor.run()
""",
        tmp_path,
        giver,
    )
    sockets = script.the("sockets")
    assert sockets["after"] == sockets["before"]
