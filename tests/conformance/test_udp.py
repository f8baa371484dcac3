"""
Datagrams: section 2g of the catalogue, and how evenly they are spread.
"""

from __future__ import annotations

import socket
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance.acting import act, told
from tests.conformance.rows import row
from tests.process.cluster import freePort

pytestmark = pytest.mark.process

EADDRINUSE = 98
DATAGRAMS = """
from twisted.internet.protocol import DatagramProtocol

class Echo(DatagramProtocol):
    '''Says who it is, and what it was sent.'''

    def datagramReceived(self, data, peer):
        self.transport.write(b"%d %s" % (cluster.worker.id, data), peer)

class Peer(DatagramProtocol):
    '''One client: answers come in order.'''

    def __init__(self, port, host="127.0.0.1"):
        self.where = host, port
        self.answers = []
        interface = "::1" if ":" in host else "127.0.0.1"
        self.port = reactor.listenUDP(0, self, interface)

    def datagramReceived(self, data, peer):
        self.answers.append(data.decode())

    async def ask(self, text="?"):
        count = len(self.answers)
        self.transport.write(text.encode(), self.where)
        await until(lambda: len(self.answers) > count)
        return self.answers[-1]

    def close(self):
        return self.port.stopListening()

def echo(port=PORT, **options):
    return cluster.listenUDP(port, Echo(), "127.0.0.1", **options)

async def workers(count):
    '''Fork workers that listen, and give the port.'''
    infos = [cluster.fork().when("listening") for _ in range(count)]
    return (await gatherResults(infos))[0].port
"""


@row(
    "C105",
    behaviour="Four workers share a port, each closes it after ten datagrams; none of "
    "forty is lost.",
    ours="the same, with SCHED_NONE; with another policy a peer's datagrams reach one "
    "worker, and reach another when that one has closed",
    difference="a socket per worker, so that a peer stays with a worker",
)
@pytest.mark.parametrize("policy", ["none", "round-robin"])
def test_C105_noDatagramIsLostWhenWorkersClose(tmp_path: Path, policy: str) -> None:
    """
    One peer, whose datagrams are read one by one.
    """
    script = act(
        DATAGRAMS
        + """
if cluster.isWorker:
    class Ten(Echo):
        count = 0
        def datagramReceived(self, data, peer):
            super().datagramReceived(data, peer)
            self.count += 1
            if self.count == 10:
                port.stopListening()
    port = cluster.listenUDP(0, Ten(), "127.0.0.1")
else:
    async def scene():
        peer = Peer(await workers(4))
        for n in range(40):
            say("answer", text=await peer.ask(str(n)))
        await peer.close()
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
        tmp_path,
        policy,
    )
    answers = [event["text"].split() for event in script.of("answer")]
    assert [number for _, number in answers] == [str(n) for n in range(40)]
    assert Counter(worker for worker, _ in answers) == dict.fromkeys("1234", 10)


@row(
    "C106",
    behaviour="A clustered UDP socket can send.",
    ours="the same; answers come from the shared port",
)
def test_C106_aClusteredPortSends(tmp_path: Path) -> None:
    """
    The client hears from where it has asked.
    """
    script = act(
        DATAGRAMS
        + """
if cluster.isWorker:
    echo()
else:
    async def scene():
        port = await workers(2)
        peer = Peer(port)
        peer.port.protocol.datagramReceived = lambda data, where: (
            say("answer", same=list(where) == ["127.0.0.1", port]),
            peer.answers.append(data.decode()))
        await peer.ask()
        await peer.close()
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
        tmp_path,
    )
    assert script.the("answer")["same"]


@row(
    "C107",
    behaviour="A descriptor to bind is the primary's.",
    ours="the option fd; such a socket is shared by all",
)
def test_C107_aDescriptorIsThePrimarys(tmp_path: Path) -> None:
    """
    Bound by somebody else, inherited by the primary.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        fd, port = bound.fileno(), bound.getsockname()[1]
        script = act(
            DATAGRAMS
            + """
if cluster.isWorker:
    echo(0, fd=int(sys.argv[1]))
else:
    async def scene():
        say("port", number=await workers(2))
        peer = Peer(int(sys.argv[2]))
        say("answer", text=await peer.ask())
        await peer.close()
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
            tmp_path,
            arguments=[str(fd), str(port)],
            fds=[fd],
        )
    assert script.the("port")["number"] == port
    assert script.the("answer")["text"] in ("1 ?", "2 ?")


@row(
    "C108",
    behaviour="ipv6Only leaves the IPv4 port to others.",
    ours="the option ipv6Only",
)
def test_C108_ipv6OnlyLeavesFour(tmp_path: Path) -> None:
    """
    The primary has the IPv4 one.
    """
    script = act(
        DATAGRAMS
        + """
if cluster.isWorker:
    cluster.listenUDP(PORT, Echo(), "::", ipv6Only=True)
else:
    async def scene():
        await workers(2)
        own = reactor.listenUDP(PORT, DatagramProtocol(), "127.0.0.1")
        peer = Peer(PORT, "::1")
        say("answer", text=await peer.ask())
        await peer.close()
        await own.stopListening()
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
        tmp_path,
        env={"PORT": str(freePort())},
    )
    assert script.the("answer")["text"] in ("1 ?", "2 ?")


@row(
    "C110",
    behaviour="reusePort does not ask the primary.",
    ours="the option reusePort",
)
def test_C110_reusePortIsTheWorkersOwn(tmp_path: Path) -> None:
    """
    Two workers on one port, and no listener in the primary.
    """
    script = act(
        DATAGRAMS
        + """
if cluster.isWorker:
    echo(reusePort=True)
else:
    async def scene():
        say("ports", port=await workers(2))
        say("primary", listeners=len(cluster._ground.listeners.byNumber))
        peers = [Peer(PORT) for _ in range(30)]
        by = {(await peer.ask()).split()[0] for peer in peers}
        say("served", by=sorted(by))
        await gatherResults([peer.close() for peer in peers])
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
        tmp_path,
        env={"PORT": str(freePort())},
    )
    assert script.the("primary")["listeners"] == 0
    assert script.the("served")["by"] == ["1", "2"]


@row(
    "C111",
    behaviour="A worker opens and closes port 0 again and again.",
    ours="the same",
)
def test_C111_openedAndClosedAgain(tmp_path: Path) -> None:
    """
    By name, through the primary; nothing is left there.
    """
    script = act(
        DATAGRAMS
        + """
if cluster.isWorker:
    async def again():
        for _ in range(10):
            port = echo(0, name="a")
            await port.stopListening()
        tell("done")
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(again()))
else:
    async def scene():
        await cluster.fork().when("message")
        say("primary", listeners=len(cluster._ground.listeners.byNumber))
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
        tmp_path,
    )
    assert script.the("primary")["listeners"] == 0


@row(
    "C113",
    behaviour="The primary cannot bind: an error in the worker, whose socket can be "
    "bound elsewhere.",
    ours="CannotListenError",
)
@pytest.mark.parametrize("policy", ["none", "round-robin"])
def test_C113_aBusyPortIsAnErrorInTheWorker(tmp_path: Path, policy: str) -> None:
    """
    A stranger has the port; another one is free.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        script = act(
            DATAGRAMS
            + """
if cluster.isWorker:
    attempt("busy", echo)
    attempt("free", lambda: echo(0))
else:
    async def scene():
        port = await workers(1)
        peer = Peer(port)
        say("answer", text=await peer.ask())
        await peer.close()
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
            tmp_path,
            policy,
            env={"PORT": str(stranger.getsockname()[1])},
        )
    assert told(script, "refused") == [(1, "busy", EADDRINUSE)]
    assert script.the("answer")["text"] == "1 ?"


@row(
    "C115",
    behaviour="Closing in the callback that says that it listens is safe.",
    ours="closing in startProtocol, or right after listenUDP",
)
def test_C115_closedAtOnce(tmp_path: Path) -> None:
    """
    Three workers, two ways; nothing is left in the primary.
    """
    script = act(
        DATAGRAMS
        + """
if cluster.isWorker:
    class Hasty(Echo):
        def startProtocol(self):
            self.transport.stopListening()
    cluster.listenUDP(PORT, Hasty(), "127.0.0.1")
    echo(0, name="b").stopListening()
    reactor.callWhenRunning(tell, "fine")
else:
    async def scene():
        await gatherResults([cluster.fork().when("message") for _ in range(3)])
        await until(lambda: not cluster._ground.listeners.byNumber)
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
        tmp_path,
        env={"PORT": str(freePort())},
    )
    assert len(script.of("fine")) == 3


@row(
    "C117",
    behaviour="Sockets bound implicitly have ports of their own, those on 0 share one: "
    "three source ports of four workers.",
    ours="port 0 while the reactor runs is the worker's own, before that it is shared",
    difference="Twisted has no implicit bind",
)
def test_C117_threePortsOfFourWorkers(tmp_path: Path) -> None:
    """
    Two that open it before, two that open it while the reactor runs.
    """
    script = act(
        DATAGRAMS
        + """
if cluster.isWorker:
    def begin():
        tell("port", echo(0).getHost().port)
    if cluster.worker.id > 2:
        reactor.callWhenRunning(begin)
    else:
        begin()
else:
    async def scene():
        await gatherResults([cluster.fork().when("message") for _ in range(4)])
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
        tmp_path,
    )
    ports = dict(told(script, "port"))
    assert ports[1] == ports[2]
    assert len(set(ports.values())) == 3


@row(
    "C119",
    behaviour="A worker binds the number that another got from 0: fails (a known fault).",
    ours="it joins the other's port, UDP and TCP alike",
    difference="a port that is open already is found by its real number",
)
def test_C119_theNumberFromZeroCanBeJoined(tmp_path: Path) -> None:
    """
    And is served by both.
    """
    script = act(
        DATAGRAMS
        + """
if cluster.isWorker:
    attempt("udp", echo)
    attempt("tcp", lambda: listen(port=int(os.environ.get("TCP", 0))))
else:
    async def scene():
        async def begin(env):
            worker = cluster.fork(env)
            udp = await worker.when("listening")
            return udp.port, (await worker.when("listening")).port
        udp, tcp = await begin({})
        await begin({"PORT": str(udp), "TCP": str(tcp)})
        say("tcp", by=sorted([await fetch(tcp) for _ in range(4)]))
        peers = [Peer(udp) for _ in range(30)]
        by = {(await peer.ask()).split()[0] for peer in peers}
        say("udp", by=sorted(by))
        await gatherResults([peer.close() for peer in peers])
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
        tmp_path,
    )
    assert script.the("tcp")["by"] == ["1", "1", "2", "2"]
    assert script.the("udp")["by"] == ["1", "2"]


def test_aPeerStaysWithItsWorker(tmp_path: Path) -> None:
    """
    400 datagrams of 40 peers to 4 workers: each peer is served by one, and no worker has
    so little or so much as in Node, where one of four gets half of all.
    """
    script = act(
        DATAGRAMS
        + """
if cluster.isWorker:
    echo()
else:
    async def scene():
        port = await workers(4)
        peers = [Peer(port) for _ in range(40)]
        for peer in peers:
            for _ in range(10):
                peer.transport.write(b"?", peer.where)
        await until(lambda: all(len(peer.answers) == 10 for peer in peers))
        for peer in peers:
            say("peer", by=[int(answer.split()[0]) for answer in peer.answers])
        await gatherResults([peer.close() for peer in peers])
        await cluster.disconnect()
    play(scene)
reactor.run()
""",
        tmp_path,
    )
    served = [set(event["by"]) for event in script.of("peer")]
    assert len(served) == 40
    assert {len(by) for by in served} == {1}
    spread = Counter(worker for by in served for worker in by)
    # 40 peers by a hash: a worker with none, or with more than 24, is one run in 100,000.
    assert set(spread) == {1, 2, 3, 4}
    assert max(spread.values()) <= 24
