"""
UDP: section 2g of the catalogue.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import run

pytestmark = pytest.mark.process


def hasIPv6() -> bool:
    """
    Whether ::1 is there.
    """
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@row(
    "C105",
    behaviour="Four workers share a UDP port; of 40 datagrams each takes ten and closes, "
    "and none is lost.",
    ours="the same; and all datagrams of one peer reach one worker while that listens",
    difference="Each worker has a socket of its own in one SO_REUSEPORT group, by peer; "
    "Node's workers race for one socket, and a few win.",
)
def test_C105_workersShareAUDPPort(tmp_path: Path) -> None:
    """
    A port that workers leave one by one; and one with many peers.
    """
    script = run(
        """
        from collections import Counter
        from tests.conformance.serving import *

        if cluster.isWorker:
            def few(data, peer):
                tell(["few", peer])
                if len(leaving.got) == 10:
                    limited.stopListening()

            leaving = Datagrams(few)
            limited = listenUDP(leaving)
            other = listenUDP(Datagrams(lambda data, peer: tell(["many", peer])))
            tell(["ports", [limited.getHost().port, other.getHost().port]])
        else:
            @play
            async def scene():
                ports, few, many = [], Counter(), Counter()

                @cluster.on("message")
                def hear(worker, message):
                    what, value = message
                    if what == "ports":
                        ports.append(value)
                    elif what == "few":
                        few[worker.id] += 1
                    else:
                        many[worker.id, value] += 1

                for _ in range(4):
                    cluster.fork()
                await until(lambda: len(ports) == 4)
                [limited, other] = ports[0]
                say("ports", same=all(one == ports[0] for one in ports))
                client = listenUDP(Datagrams())
                for sent in range(40):
                    client.write(b"x", (LOCAL, limited))
                    await until(lambda: sum(few.values()) > sent)
                say("few", counts=sorted(few.values()))
                clients = [listenUDP(Datagrams()) for _ in range(10)]
                for sent in range(20):
                    for client in clients:
                        client.write(b"x", (LOCAL, other))
                    await until(lambda: sum(many.values()) == 10 * sent + 10)
                say("many", pairs=len(many), total=sum(many.values()))

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("ports")["same"]
    assert script.the("few")["counts"] == [10, 10, 10, 10]
    many = script.the("many")
    assert (many["pairs"], many["total"]) == (10, 200)


@row(
    "C106",
    behaviour="Workers send from the port that they share.",
    ours="the same",
)
def test_C106_workersSendFromTheSharedPort(tmp_path: Path) -> None:
    """
    Both datagrams have the shared port as their source.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            port = listenUDP(Datagrams())
            port.write(b"%d" % cluster.worker.id, (LOCAL, int(os.environ["TO"])))
        else:
            @play
            async def scene():
                sink = Datagrams()
                workers, ports = await up(2, TO=listenUDP(sink).getHost().port)
                await until(lambda: len(sink.got) == 2)
                say("told", who=sorted(data.decode() for data, _ in sink.got),
                    same={peer for _, peer in sink.got} == {*ports})

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("told")["who"] == ["1", "2"]
    assert script.the("told")["same"]


@row(
    "C107",
    behaviour="A descriptor's number means the primary's.",
    ours="the same: listenUDP(..., fd=7)",
)
def test_C107_descriptorOfThePrimary(tmp_path: Path) -> None:
    """
    A bound socket of the primary, read by a worker.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            heard = Datagrams(lambda data, peer: tell(data.decode()))
            listenUDP(heard, fd=int(os.environ["FD"]))
        else:
            @play
            async def scene():
                made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                made.bind((LOCAL, 0))
                worker = cluster.fork({"FD": str(made.fileno())})
                inbox = Inbox(worker)
                info = await worker.when("listening")
                where = made.getsockname()
                listenUDP(Datagrams()).write(b"hello", where)
                say("told", heard=await inbox.next(), real=info.port == where[1],
                    info=[info.addressType, info.fd])

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert told["heard"] == "hello"
    assert told["real"]
    assert told["info"] == ["udp4", -1]


@pytest.mark.skipif(not hasIPv6(), reason="no IPv6 here")
@row(
    "C108",
    behaviour="ipv6Only leaves the IPv4 port to others.",
    ours="the same",
)
def test_C108_ipv6Only(tmp_path: Path) -> None:
    """
    Two workers on '::', somebody else on all of IPv4.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            heard = Datagrams(lambda data, peer: tell(data.decode()))
            reactor.listenUDP(0, heard, interface="::", ipv6Only=True)
        else:
            @play
            async def scene():
                workers, ports = await up(2)
                [port] = {*ports}
                heard = []
                cluster.on("message", lambda worker, text: heard.append(text))
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                    other.bind(("0.0.0.0", port))
                    client = reactor.listenUDP(0, Datagrams(), interface="::1")
                    client.write(b"six", ("::1", port))
                    await until(lambda: heard)
                    info = "bound"
                say("told", heard=heard, other=info)

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("told")["heard"] == ["six"]
    assert script.the("told")["other"] == "bound"


@row(
    "C110",
    behaviour="With reusePort (Node 23.1 and later) the primary is not asked.",
    ours="the same",
)
def test_C110_reusePort(tmp_path: Path) -> None:
    """
    Two workers' own sockets on one port, both of which get datagrams.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            heard = Datagrams(lambda data, peer: tell(cluster.worker.id))
            listenUDP(heard, int(os.environ["PORT"]), reusePort=True)
        else:
            @play
            async def scene():
                port = freePort()
                workers, ports = await up(2, PORT=port)
                heard = []
                cluster.on("message", lambda worker, number: heard.append(number))
                here = port in boundHere()
                for count in range(40):
                    listenUDP(Datagrams()).write(b"x", (LOCAL, port))
                    await until(lambda: len(heard) > count)
                say("told", same={*ports} == {port}, here=here, heard=sorted({*heard}))

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert told["same"]
    assert not told["here"]
    assert told["heard"] == [1, 2]


@row(
    "C111",
    behaviour="One worker binds port 0 and closes it again and again.",
    ours="the same, by a name too",
)
def test_C111_boundAndClosedAgainAndAgain(tmp_path: Path) -> None:
    """
    Twenty times, while the reactor runs.
    """
    script = run(
        """
        from tests.conformance.serving import *

        @cluster.worker.answer if cluster.isWorker else lambda f: f
        async def repeat(options):
            good = 0
            for _ in range(20):
                port = listenUDP(Datagrams(), **options)
                good += port.getHost().port > 0
                await port.stopListening()
            return good

        if cluster.isPrimary:
            @play
            async def scene():
                worker = cluster.fork()
                for options in [{}, {"name": "again"}, {"exclusive": True}]:
                    say("told", good=await worker.ask(options))
                say("left", bound=boundHere())

        reactor.run()
        """,
        tmp_path,
    )
    assert [event["good"] for event in script.of("told")] == [20, 20, 20]
    assert script.the("left")["bound"] == []


@row(
    "C113",
    behaviour="A bind that fails is an error of the socket, which can be bound again.",
    ours="the same: CannotListenError",
)
def test_C113_failedBind(tmp_path: Path) -> None:
    """
    Busy at first, then free; the same protocol is served then.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            heard = Datagrams(lambda data, peer: tell(data.decode()))
            cluster.worker.answer(lambda port: outcome(lambda: listenUDP(heard, port)))
        else:
            @play
            async def scene():
                worker = cluster.fork()
                inbox = Inbox(worker)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
                    busy.bind((LOCAL, 0))
                    where = busy.getsockname()
                    first = await worker.ask(where[1])
                second = await worker.ask(where[1])
                listenUDP(Datagrams()).write(b"hello", where)
                say("told", outcomes=[first, second], heard=await inbox.next())

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert told["outcomes"] == ["EADDRINUSE", "listening"]
    assert told["heard"] == "hello"


@row(
    "C115",
    behaviour="Closing a UDP socket as soon as it is bound is safe.",
    ours="the same, in startProtocol",
)
def test_C115_closedWhileItStarts(tmp_path: Path) -> None:
    """
    Three workers close at once, disconnect, and end with 0.
    """
    script = run(
        """
        from tests.conformance.serving import *

        class Hasty(Datagrams):
            def startProtocol(self):
                self.transport.stopListening()

            def stopProtocol(self):
                say("stopped", id=cluster.worker.id)
                cluster.worker.disconnect()

        if cluster.isWorker:
            sayFailures()
            listenUDP(Hasty())
        else:
            @play
            async def scene():
                workers = [cluster.fork() for _ in range(3)]
                ends = await gatherResults([w.when("exit") for w in workers])
                say("ends", codes=[code for code, _ in ends], bound=boundHere())

        reactor.run()
        """,
        tmp_path,
    )
    assert sorted(event["id"] for event in script.of("stopped")) == [1, 2, 3]
    assert script.the("ends")["codes"] == [0, 0, 0]
    assert script.the("ends")["bound"] == []
    assert not script.of("failure")


@row(
    "C117",
    behaviour="Who only sends has a source port of its own; who binds port 0 shares one.",
    ours="the same: shared before the reactor runs, its own after that",
    difference="listenUDP is how Twisted's clients send; they do so at run time.",
)
def test_C117_clientsHavePortsOfTheirOwn(tmp_path: Path) -> None:
    """
    Two workers that serve and two that only send: three source ports.
    """
    script = run(
        """
        from tests.conformance.serving import *

        def send():
            listenUDP(Datagrams()).write(b"x", (LOCAL, int(os.environ["TO"])))

        if cluster.isWorker:
            send() if os.environ["BINDS"] else reactor.callWhenRunning(send)
        else:
            @play
            async def scene():
                sink = Datagrams()
                to = str(listenUDP(sink).getHost().port)
                for binds in ["", "", "yes", "yes"]:
                    cluster.fork({"TO": to, "BINDS": binds})
                await until(lambda: len(sink.got) == 4)
                say("told", count=len({peer for _, peer in sink.got}))

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("told")["count"] == 3


@row(
    "C119",
    behaviour="A worker asks for the number that another got for port 0.",
    ours="it shares that port, TCP and UDP",
    difference="Node's known failure: EADDRINUSE.",
)
def test_C119_theNumberThatAnotherGot(tmp_path: Path) -> None:
    """
    The second worker knows the number; both serve.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            tcp, udp = json.loads(os.environ.get("PORTS", "[0, 0]"))
            heard = Datagrams(lambda data, peer: tell(["udp", cluster.worker.id]))
            try:
                ports = [serve(tcp), listenUDP(heard, udp)]
            except error.CannotListenError as problem:
                tell(["failed", str(problem)])
            else:
                tell(["ports", [port.getHost().port for port in ports]])
        else:
            @play
            async def scene():
                told = []
                cluster.on("message", lambda worker, message: told.append(message))
                cluster.fork()
                await until(lambda: told)
                cluster.fork({"PORTS": json.dumps(told[0][1])})
                await until(lambda: len(told) == 2)
                tcp, udp = told[0][1]
                say("told", ports=told[:2], port=tcp, answers=await answersOf(tcp))
                for count in range(40):
                    listenUDP(Datagrams()).write(b"x", (LOCAL, udp))
                    await until(lambda: len(told) > 2 + count)
                say("udp", who=sorted({number for _, number in told[2:]}))

        reactor.run()
        """,
        tmp_path,
    )
    first, second = script.the("told")["ports"]
    assert first[0] == "ports"
    assert second == first
    assert script.the("told")["answers"] == ["1", "2"]
    assert script.the("udp")["who"] == [1, 2]
