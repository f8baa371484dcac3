"""
Connections, ports and sockets that go along with messages, between real processes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.scripts import Script, run

pytestmark = pytest.mark.process

# One process gives, the other takes; GIVER says which. The clients are the primary's.
SCENE = """
import socket, stat
from pathlib import Path
from twisted.internet.protocol import ClientCreator, DatagramProtocol
from twisted_cluster.errors import ClusterError, HandleError

gives = cluster.isPrimary == (os.environ["GIVER"] == "primary")
me = "primary" if cluster.isPrimary else "worker"
KIND = os.environ["KIND"]
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


@BOTH
@KINDS
def test_aConnectionIsGivenAway(tmp_path: Path, giver: str, kind: str) -> None:
    """
    What was read comes first, what was written has left; here it ends, there it goes on.
    """
    script = give(
        """
if gives:
    class Give(Tells):
        def dataReceived(self, data):
            self.transport.write(b"wait ")
            other.send(["yours"], self.transport, unread=data)
    port = serve(Give)
    cluster.isWorker and other.send(["port", whereIs(port)])
else:
    other.on("message", lambda message, handle: handle and handle.adopt(shout))

if cluster.isPrimary:
    async def scene():
        where = whereIs(port) if gives else (await ready)[0][1]
        client = await reach(where)
        client.transport.write(b"first")
        await until(lambda: client.data.endswith(b"FIRST"))
        client.transport.write(b" second")
        await until(lambda: client.data.endswith(b"SECOND"))
        say("heard", text=client.data.decode())
        client.transport.loseConnection()
        await client.ended
        if gives:
            await port.stopListening()
        await cluster.disconnect()
    ready = other.when("message")
    play(scene)
reactor.run()
""",
        tmp_path,
        giver,
        kind,
    )
    taker = "worker" if giver == "primary" else "primary"
    assert script.the("heard")["text"] == f"wait {taker}:FIRST SECOND"
    assert ends(script) == [("primary", "ConnectionDone"), ("worker", "ConnectionDone")]


@BOTH
def test_nothingOfTheStreamIsLost(tmp_path: Path, giver: str) -> None:
    """
    Megabytes on their way in both directions arrive whole and in order.
    """
    script = give(
        """
SIZE = 4_000_000
LONG = b"".join(b"%07d " % n for n in range(SIZE // 8))

class Whole(Tells):
    '''Says whether all has come, once it has.'''
    data = b""

    def dataReceived(self, data):
        self.data += data
        if len(self.data) == SIZE:
            self.transport.write(b"same" if self.data == LONG else b"other")
            self.transport.loseConnection()

if gives:
    class Give(Protocol):
        def dataReceived(self, data):
            self.transport.write(LONG)
            sent = other.send(["yours"], self.transport, unread=data)
            other.send(["waits", not sent.called])
            cluster.isPrimary and say("waits", it=not sent.called)
    port = serve(Give)
    cluster.isWorker and other.send(["port", whereIs(port)])
else:
    whole = Factory.forProtocol(Whole)
    other.on("message", lambda message, handle: handle and handle.adopt(whole))

if cluster.isPrimary:
    async def scene():
        where = whereIs(port) if gives else (await ready)[0][1]
        client = await reach(where)
        client.transport.pauseProducing()
        client.transport.write(LONG)
        await (nextTurn() if gives else other.when("message"))
        client.transport.resumeProducing()
        heard = await client.ended
        say("heard", same=heard[:SIZE] == LONG, then=heard[SIZE:].decode())
        if gives:
            await port.stopListening()
        await cluster.disconnect()
    other.on("message", lambda message: message[0] == "waits" and
        say("waits", it=message[1]))
    ready = other.when("message")
    play(scene)
reactor.run()
""",
        tmp_path,
        giver,
    )
    assert script.the("waits")["it"]
    assert script.the("heard") == {"what": "heard", "same": True, "then": "same"}


@BOTH
def test_keptOpenBothHaveIt(tmp_path: Path, giver: str) -> None:
    """
    Both write to it; when one closes its own, the other goes on.
    """
    script = give(
        """
if gives:
    class Keep(Tells):
        def connectionMade(self):
            sent = other.send(["ours"], self.transport, keepOpen=True)
            sent.addCallback(lambda _: self.transport.write(b"[kept]"))
        def dataReceived(self, data):
            self.transport.write(b"[%s]" % data)
    port = serve(Keep)
    cluster.isWorker and other.send(["port", whereIs(port)])
else:
    def take(message, handle):
        if handle:
            handle.socket.sendall(b"[taken]")
            handle.close()
    other.on("message", take)

if cluster.isPrimary:
    async def scene():
        where = whereIs(port) if gives else (await ready)[0][1]
        client = await reach(where)
        await until(lambda: len(client.data) == 13)
        client.transport.write(b"on")
        await until(lambda: len(client.data) == 17)
        say("heard", words=sorted(client.data.decode()[1:-1].split("][")))
        client.transport.loseConnection()
        await until(lambda: lost if gives else client.ended.called)
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
    assert script.the("heard")["words"] == ["kept", "on", "taken"]
    assert ends(script) == [(giver, "ConnectionDone")]


@BOTH
@KINDS
def test_aListeningPortIsShared(tmp_path: Path, giver: str, kind: str) -> None:
    """
    Who was given it serves; when that stops, the giver's is unharmed, as is the mode of
    a UNIX socket's file.
    """
    script = give(
        """
def fileOf(where):
    return None if isinstance(where, int) else oct(stat.S_IMODE(os.stat(where).st_mode))

if gives:
    port = serve(Greets)
    def heard(message, handle):
        if message == ["pause"]:
            port.stopReading()
            other.send(["paused"])
        elif message == ["resume"]:
            port.startReading()
            other.send(["resumed"])
    other.on("message", heard)
    if cluster.isWorker:
        reactor.callWhenRunning(other.send, ["port", whereIs(port)], port)
else:
    taken = []
    def take(message, handle):
        if handle:
            taken.append(handle.listen(greets))
            cluster.isWorker and other.send(["listens"])
        elif message == ["stop"]:
            taken.pop().stopListening().addCallback(lambda _: other.send(["stopped"]))
    other.on("message", take)

async def of(word, *more):
    answer = other.when("message")
    if gives and not more:
        other.send([word])
    else:
        other.send([word], *more)
    return (await answer)[0]

if cluster.isPrimary:
    async def scene():
        if gives:
            where = whereIs(port)
            say("file", mode=fileOf(where))
            await of("here", port)
            port.stopReading()
            say("taker", serves=[await whoServes(where) for _ in range(3)])
            await of("stop")
            port.startReading()
            say("file", mode=fileOf(where))
            say("giver", serves=[await whoServes(where) for _ in range(3)])
            await port.stopListening()
        else:
            await until(lambda: taken)
            where = (await ready)[0][1]
            say("file", mode=fileOf(where))
            await of("pause")
            say("taker", serves=[await whoServes(where) for _ in range(3)])
            await taken.pop().stopListening()
            await of("resume")
            say("file", mode=fileOf(where))
            say("giver", serves=[await whoServes(where) for _ in range(3)])
        await cluster.disconnect()
        say("port", port=where if isinstance(where, int) else None)
    ready = other.when("message")
    play(scene)
reactor.run()
""",
        tmp_path,
        giver,
        kind,
    )
    taker = "worker" if giver == "primary" else "primary"
    assert script.the("taker")["serves"] == [taker] * 3
    assert script.the("giver")["serves"] == [giver] * 3
    mode = "0o640" if kind == "unix" else None
    assert [event["mode"] for event in script.of("file")] == [mode, mode]


@BOTH
def test_aDatagramPortIsShared(tmp_path: Path, giver: str) -> None:
    """
    Who was given it answers from it; when that stops, the giver does.
    """
    script = give(
        """
class Answers(DatagramProtocol):
    def datagramReceived(self, data, peer):
        self.transport.write(me.encode(), peer)

class Asks(DatagramProtocol):
    def datagramReceived(self, data, peer):
        heard, self.heard = self.heard, Deferred()
        heard.callback([data.decode(), peer[1]])
    heard = Deferred()

if gives:
    port = reactor.listenUDP(0, Answers(), "127.0.0.1")
    number = port.getHost().port
    def resume(message):
        if message[0] == "stopped":
            port.startReading()
            other.send(["resumed"])
    other.on("message", resume)
    def begin():
        port.stopReading()
        other.send(["here", number], port)
    reactor.callWhenRunning(begin)
else:
    taken = []
    def take(message, handle):
        if handle:
            taken.append(handle.listen(Answers()))
            other.send(["listens"])
        elif message == ["stop"]:
            taken.pop().stopListening().addCallback(lambda _: other.send(["stopped"]))
    other.on("message", take)

if cluster.isPrimary:
    async def scene():
        number_ = (await ready)[0]
        number_ = number if gives else number_[1]
        asks = Asks()
        own = reactor.listenUDP(0, asks, "127.0.0.1")
        async def ask():
            answer = asks.heard
            asks.transport.write(b"?", ("127.0.0.1", number_))
            return [*await answer, number_]
        say("taker", answer=await ask())
        changed = other.when("message")
        if gives:
            other.send(["stop"])
        else:
            await taken.pop().stopListening()
            other.send(["stopped"])
        await changed
        say("giver", answer=await ask())
        await own.stopListening()
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
    taker = "worker" if giver == "primary" else "primary"
    for who, name in (("taker", taker), ("giver", giver)):
        served, source, port = script.the(who)["answer"]
        assert (served, source) == (name, port)


@BOTH
def test_aPlainSocketIsGivenAway(tmp_path: Path, giver: str) -> None:
    """
    It is closed here once it has gone, unless it is to be kept; one without a peer
    cannot be adopted.
    """
    script = give(
        """
if gives:
    ends_ = []
    def tell(what, facts):
        other.send([what, facts]) if cluster.isWorker else say(what, of=facts)
    async def begin():
        for keepOpen in (False, True):
            near, far = socket.socketpair()
            await other.send(["yours"], far, keepOpen=keepOpen)
            tell("facts", [keepOpen, far.fileno() < 0])
            far.close()
            near.settimeout(5)
            near.sendall(b"x")
            near.shutdown(socket.SHUT_WR)
            ends_.append(near)
        with socket.socket() as alone:
            await other.send(["alone"], alone)
    def answered(message):
        if message[0] != "alone":
            return
        for near in ends_:
            heard = b""
            while chunk := near.recv(100):
                heard += chunk
            near.close()
            tell("heard", heard.decode())
        if cluster.isPrimary:
            cluster.disconnect().addCallback(lambda _: reactor.stop())
        else:
            other.send(["over"])
    other.on("message", answered)
    later(begin)
else:
    def take(message, handle):
        if message[0] == "yours":
            handle.adopt(shout)
        elif message[0] == "alone":
            try:
                handle.adopt(shout)
            except HandleError as problem:
                say("refused", text=str(problem), closed=handle.socket.fileno() < 0)
            later(answer)
        elif message[0] == "over":
            cluster.disconnect().addCallback(lambda _: reactor.stop())
        elif message[0] != "lost":
            say(message[0], of=message[1])
    async def answer():
        await until(lambda: len(lost) == 2)
        other.send(["alone"])
    other.on("message", take)
reactor.run()
""",
        tmp_path,
        giver,
    )
    taker = "worker" if giver == "primary" else "primary"
    assert [event["of"] for event in script.of("facts")] == [[False, True], [True, False]]
    assert [event["of"] for event in script.of("heard")] == [f"{taker}:X"] * 2
    assert "the connection is gone" in script.the("refused")["text"]
    assert script.the("refused")["closed"]


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
            await until(lambda: other._peer.mail._parcels[-1].fd >= 0)
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
    assert script.the("exit")["how"] == [0, None]
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
