"""
Connections, ports and sockets that go along with messages, between real processes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.giving import BOTH, KINDS, ends, give

pytestmark = pytest.mark.process


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


@KINDS
def test_whoIsSentAPortJoinsIt(tmp_path: Path, kind: str) -> None:
    """
    A worker's port, by way of the primary, in another worker: which has no socket of it,
    and is handed connections all the same; a second listen is an error.
    """
    script = give(
        """
def listens(fd):
    try:
        with socket.socket(fileno=os.dup(fd)) as there:
            return bool(there.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False

def take(message, handle):
    if message == ["serve"]:
        other.send(["port", whereIs(port)], port)
    elif message == ["join"]:
        name = handle.socket.getsockname()
        handle.listen(greets)
        try:
            handle.listen(greets)
        except HandleError as problem:
            again = str(problem)
        fds = [int(fd) for fd in os.listdir("/proc/self/fd")]
        other.send(["joined", name, again, [fd for fd in fds if listens(fd)]])

if cluster.isWorker:
    me = f"worker {cluster.worker.id}"
    if me == "worker 1":
        # Not while the reactor runs: then any port is its own.
        port = serve(Greets)
    other.on("message", take)
else:
    second = cluster.fork()
    async def scene():
        sent = other.when("message")
        other.send(["serve"])
        (_, where), handle = await sent
        joined = second.when("message")
        second.send(["join"], handle.socket)
        (_, name, again, found), _ = await joined
        handle.close()
        served = {await whoServes(where) for _ in range(4)}
        say("joined", name=name, again=again, found=found, served=sorted(served))
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
        tmp_path,
        kind=kind,
    )
    joined = script.the("joined")
    assert joined["served"] == ["worker 1", "worker 2"]
    assert "gone" in joined["again"]
    assert not joined["found"]
    assert joined["name"] == "port" or joined["name"][0] == "127.0.0.1"


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
            # A protocol that finds the end before it has sent all loses the rest.
            heard = near.recv(100)
            while heard and not heard.endswith(b"X"):
                heard += near.recv(100) or b" and no more X"
            near.shutdown(socket.SHUT_WR)
            ends_.append((near, heard))
        with socket.socket() as alone:
            await other.send(["alone"], alone)
    def answered(message):
        if message[0] != "alone":
            return
        for near, heard in ends_:
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
