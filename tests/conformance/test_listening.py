"""
Listening, ports and options: section 2d of the catalogue.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conformance.rows import row
from tests.conformance.scripts import Script, run
from tests.process.cluster import ask

pytestmark = pytest.mark.process

NONE = {"TWISTED_CLUSTER_SCHED_POLICY": "none"}
ROUND_ROBIN = {"TWISTED_CLUSTER_SCHED_POLICY": "rr"}
LOW = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


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


needsIPv6 = pytest.mark.skipif(not hasIPv6(), reason="no IPv6 here")


@row(
    "C60",
    behaviour="A worker that listens on port 0 tells the real port.",
    ours="the same",
)
def test_C60_theRealPortIsTold(tmp_path: Path) -> None:
    """
    The event, the worker and clients agree about the port.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            tell(serve().getHost().port)
        else:
            @play
            async def scene():
                worker = cluster.fork()
                inbox = Inbox(worker)
                info = await worker.when("listening")
                say("told", port=info.port, same=await inbox.next() == info.port,
                    answer=await fetch(info.port))

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert told["port"] > 0
    assert told["same"]
    assert told["answer"] == "1"


@row(
    "C61",
    behaviour="Listening without arguments works.",
    ours="port 0 and nothing else: the same; IPv4 only, as listenTCP is",
    difference="Twisted's default interface is IPv4's; Node binds both.",
)
def test_C61_listeningWithDefaults(tmp_path: Path) -> None:
    """
    No interface: address None, all interfaces.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            reactor.listenTCP(0, Factory.forProtocol(Greeter))
        else:
            @play
            async def scene():
                info = await cluster.fork().when("listening")
                say("told", port=info.port, address=info.address,
                    type=info.addressType, answer=await fetch(info.port))

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert (told["address"], told["type"], told["answer"]) == (None, 4, "1")


STAYS = """
    from tests.conformance.serving import *

    if cluster.isWorker:
        serve()
    else:
        cluster.on("listening", lambda worker, info: say("listening", port=info.port))
        cluster.fork()
    reactor.run()
"""
TRIES = """
    from tests.conformance.serving import *

    if cluster.isWorker:
        tell(outcome(lambda: serve(int(sys.argv[1]))))
    else:
        @play
        async def scene():
            say("tried", got=await Inbox(cluster.fork()).next())

    reactor.run()
"""


@row(
    "C63",
    behaviour="Two clusters, one port: a worker of the second gets EADDRINUSE.",
    ours="the same: CannotListenError in that worker",
)
def test_C63_twoClustersCannotHaveOnePort(tmp_path: Path) -> None:
    """
    The second fails in its worker, and the first goes on.
    """
    with Script(STAYS, tmp_path) as first:
        port = first.waitFor("listening")["port"]
        second = run(TRIES, tmp_path, arguments=[str(port)], name="second.py")
        assert second.the("tried")["got"] == "EADDRINUSE"
        assert ask(port) == b"1"
        first.process.terminate()


@row(
    "C65",
    behaviour="A busy UNIX path is an error in the worker.",
    ours="the same: CannotListenError, EADDRINUSE",
)
def test_C65_busyPathIsAnErrorInTheWorker(tmp_path: Path) -> None:
    """
    A path which somebody else has bound.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            factory = Factory.forProtocol(Greeter)
            tell(outcome(lambda: reactor.listenUNIX("busy.sock", factory)))
        else:
            @play
            async def scene():
                with socket.socket(socket.AF_UNIX) as busy:
                    busy.bind("busy.sock")
                    busy.listen()
                    say("tried", got=await Inbox(cluster.fork()).next())
                say("kept", there=os.path.exists("busy.sock"))
                os.unlink("busy.sock")

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("tried")["got"] == "EADDRINUSE"
    assert script.the("kept")["there"]


def privileged(directory: Path, env: dict[str, str]) -> Any:
    """
    What a worker gets that opens a port for which its user has no right.
    """
    first = int(LOW.read_text()) if LOW.exists() else 1024
    if first < 2:
        pytest.skip("every user may bind every port here")
    python: list[str] = [sys.executable]
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is not installed")
        without = ["--bounding-set", "-net_bind_service"]
        python = ["setpriv", *without, "--inh-caps", "-net_bind_service", *python]
    script = run(TRIES, directory, arguments=[str(first - 1)], env=env, python=python)
    return script.the("tried")["got"]


@row(
    "C66",
    behaviour="Round robin: EACCES for a privileged port reaches the worker.",
    ours="the same: CannotListenError, EACCES",
)
def test_C66_privilegedPort(tmp_path: Path) -> None:
    """
    Bound in the primary, an error in the worker.
    """
    assert privileged(tmp_path, ROUND_ROBIN) == "EACCES"


@row(
    "C67",
    behaviour="The same when the kernel chooses.",
    ours="the same: CannotListenError, EACCES",
)
def test_C67_privilegedPortWhereTheKernelChooses(tmp_path: Path) -> None:
    """
    As C66, under SCHED_NONE.
    """
    assert privileged(tmp_path, NONE) == "EACCES"


@row(
    "C68",
    behaviour="The kernel chooses: EADDRINUSE reaches the worker, and the one who has "
    "the port keeps it.",
    ours="the same: CannotListenError, EADDRINUSE",
)
def test_C68_busyPortWhereTheKernelChooses(tmp_path: Path) -> None:
    """
    A port of somebody else, who does not notice.
    """
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", 0))
        foreign.listen()
        where = foreign.getsockname()
        script = run(TRIES, tmp_path, arguments=[str(where[1])], env=NONE)
        assert script.the("tried")["got"] == "EADDRINUSE"
        with socket.create_connection(where, 5) as client:
            connection, name = foreign.accept()
            with connection:
                assert name == client.getsockname()


@row(
    "C69",
    behaviour="The backlog of the first worker that listens is the port's.",
    ours="the same, and at least 511",
    difference="Twisted's default of 50 is meant for one process; what workers share "
    "has Node's default at the least.",
)
def test_C69_backlogOfTheFirst(tmp_path: Path) -> None:
    """
    What the primary hands to listen(2), for a long and for a short backlog.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            serve(backlog=int(os.environ["LONG"]))
            serve(backlog=50)
        else:
            asked = []
            stock = socket.socket.listen

            def listen(self, backlog):
                asked.append(backlog)
                stock(self, backlog)

            socket.socket.listen = listen

            @play
            async def scene():
                for backlog in [700, 800]:
                    await up(LONG=backlog)
                say("asked", backlogs=asked)

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("asked")["backlogs"] == [700, 511]


@needsIPv6
@row(
    "C70",
    behaviour="A port on '::' serves IPv4 too; all workers have one port.",
    ours="the same",
)
def test_C70_dualStack(tmp_path: Path) -> None:
    """
    One port, for both kinds of clients.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            serve(interface="::")
        else:
            @play
            async def scene():
                workers, ports = await up(2)
                answers = [await fetch(ports[0], host) for host in ["127.0.0.1", "::1"]]
                say("told", port=ports[0], same=len({*ports}) == 1, answers=answers)

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert told["same"]
    assert sorted(told["answers"]) == ["1", "2"]


IPV6_ONLY = """
    from tests.conformance.serving import *

    if cluster.isWorker:
        serve(interface="::", ipv6Only=True)
    else:
        @play
        async def scene():
            workers, ports = await up(2)
            [port] = {*ports}
            try:
                await fetch(port)
            except error.ConnectError as problem:
                say("refused", kind=type(problem).__name__)
            with socket.socket() as other:
                other.bind(("0.0.0.0", port))
                other.listen()
                say("bound", answer=await fetch(port, "::1"))
            say("port", port=port)

    reactor.run()
"""


def checkIPv6Only(directory: Path, env: dict[str, str]) -> None:
    """
    IPv4 is refused, and free for others.
    """
    script = run(IPV6_ONLY, directory, env=env)
    assert script.the("refused")["kind"] == "ConnectionRefusedError"
    assert script.the("bound")["answer"] in ("1", "2")


@needsIPv6
@row(
    "C71",
    behaviour="ipv6Only leaves the IPv4 port to others, when the kernel chooses.",
    ours="the same",
)
def test_C71_ipv6OnlyWhereTheKernelChooses(tmp_path: Path) -> None:
    """
    Two workers share the IPv6 port, somebody else has the IPv4 one.
    """
    checkIPv6Only(tmp_path, NONE)


@needsIPv6
@row("C72", behaviour="The same, round robin.", ours="the same")
def test_C72_ipv6OnlyRoundRobin(tmp_path: Path) -> None:
    """
    As C71, under SCHED_RR.
    """
    checkIPv6Only(tmp_path, ROUND_ROBIN)


@row(
    "C73",
    behaviour="With reusePort (Node 22.12 and later) the primary is not asked; two "
    "workers' own servers share a port.",
    ours="the same; listening is told all the same",
    difference="Node has no listening event for such servers, which users work around.",
)
def test_C73_reusePort(tmp_path: Path) -> None:
    """
    The kernel spreads connections over sockets which the workers have bound.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            serve(int(os.environ["PORT"]), reusePort=True)
        else:
            @play
            async def scene():
                workers, ports = await up(2, PORT=freePort())
                [port] = {*ports}
                say("told", port=port, here=port in boundHere(),
                    answers=await answersOf(port, 40))

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert not told["here"]
    assert told["answers"] == ["1", "2"]


@row(
    "C74",
    behaviour="A worker closes its port 0 and listens again while another keeps it.",
    ours="the same by name (name='web'), at any time; without one it gets a port of its "
    "own once the reactor runs",
    difference="Protocols open port 0 for themselves at run time (FTP).",
)
def test_C74_listeningAgain(tmp_path: Path) -> None:
    """
    A named port is the same one again.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            port = serve(name="web")

            @onCommand
            async def again(name):
                global port
                await port.stopListening()
                port = serve(name=name)
        else:
            @play
            async def scene():
                workers, ports = await up(2)
                say("first", port=ports[0], same=len({*ports}) == 1)
                for name in ["web", ""]:
                    listening = workers[0].when("listening")
                    workers[0].send(name)
                    info = await listening
                    say("again", port=info.port, same=info.port == ports[0],
                        answers=await answersOf(info.port))

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("first")["same"]
    named, unnamed = script.of("again")
    assert named["same"]
    assert named["answers"] == ["1", "2"]
    assert not unnamed["same"]
    assert unnamed["answers"] == ["1"]


@row(
    "C77",
    behaviour="A worker that listens on one port twice gets an error that it can catch, "
    "under both policies; its first server goes on.",
    ours="the same: CannotListenError, EADDRINUSE",
)
def test_C77_onePortTwiceInOneWorker(tmp_path: Path) -> None:
    """
    Both policies: the second fails, the first answers.
    """
    for env in [ROUND_ROBIN, NONE]:
        script = run(
            """
            from tests.conformance.serving import *

            if cluster.isWorker:
                number = int(os.environ["PORT"])
                tell([outcome(lambda: serve(number)) for _ in range(2)])
            else:
                @play
                async def scene():
                    port = freePort()
                    worker = cluster.fork({"PORT": str(port)})
                    outcomes = await Inbox(worker).next()
                    say("tried", outcomes=outcomes, port=port, answer=await fetch(port))

            reactor.run()
            """,
            tmp_path,
            env=env,
        )
        assert script.the("tried")["outcomes"] == ["listening", "EADDRINUSE"]
        assert script.the("tried")["answer"] == "1"


@row(
    "C78",
    behaviour="Exclusive port 0: every worker has another.",
    ours="the same; listening is told all the same",
    difference="Node has no listening event for such servers, which users work around.",
)
def test_C78_exclusiveRandomPorts(tmp_path: Path) -> None:
    """
    Two workers, two ports, each with its worker behind it.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            serve(exclusive=True)
        else:
            @play
            async def scene():
                workers, ports = await up(2)
                here = boundHere()
                for port in ports:
                    say("told", port=port, here=port in here,
                        answers=await answersOf(port))

        reactor.run()
        """,
        tmp_path,
    )
    told = script.of("told")
    assert len({one["port"] for one in told}) == 2
    assert [one["answers"] for one in told] == [["1"], ["2"]]
    assert not any(one["here"] for one in told)


@row(
    "C79",
    behaviour="Two workers share a port, but an exclusive one fails in the second.",
    ours="the same: CannotListenError, EADDRINUSE",
)
def test_C79_sharedAndExclusivePorts(tmp_path: Path) -> None:
    """
    Fixed numbers: the shared one twice, the exclusive one once.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            tell([outcome(lambda: serve(int(os.environ["SHARED"]))),
                  outcome(lambda: serve(int(os.environ["OWN"]), exclusive=True))])
        else:
            @play
            async def scene():
                env = {"SHARED": str(freePort()), "OWN": str(freePort())}
                for _ in range(2):
                    say("tried", outcomes=await Inbox(cluster.fork(env)).next())

        reactor.run()
        """,
        tmp_path,
    )
    first, second = script.of("tried")
    assert first["outcomes"] == ["listening", "listening"]
    assert second["outcomes"] == ["listening", "EADDRINUSE"]


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
    "C84",
    behaviour="A descriptor's number means the primary's; it stays open when its maker "
    "closes his.",
    ours="the same: listenTCP(..., fd=3)",
)
def test_C84_descriptorOfThePrimary(tmp_path: Path) -> None:
    """
    As a service manager passes a listening socket.
    """
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
        port, fd = made.getsockname()[1], made.fileno()
        with Script(
            """
            from tests.conformance.serving import *

            if cluster.isWorker:
                serve(fd=int(sys.argv[1]))
            else:
                cluster.on("listening",
                           lambda worker, info: say("told", port=info.port, fd=info.fd))
                cluster.fork()
            reactor.run()
            """,
            tmp_path,
            arguments=[str(fd)],
            fds=[fd],
        ) as script:
            told = script.waitFor("told")
            made.close()
            assert (told["port"], told["fd"]) == (port, fd)
            assert ask(port) == b"1"
            script.process.terminate()


def makeCertificate(file: Path) -> None:
    """
    Write a key and a certificate of its own.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))


def resumptions(port: int, version: ssl.TLSVersion) -> list[bool]:
    """
    Whether each of several clients could go on with the first one's session.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = version
    found, session = [], None
    for _ in range(4):
        with socket.create_connection(("127.0.0.1", port), 5) as plain:
            with context.wrap_socket(plain, session=session) as client:
                while client.recv(100):
                    pass
                found.append(bool(client.session_reused))
                session = session or client.session
    return found


@row(
    "C85",
    behaviour="A TLS session is resumed by any worker.",
    ours="no session is resumed, as with one process",
    difference="Twisted's TLS servers offer neither a session cache nor tickets.",
)
def test_C85_tlsSessionsAreResumedAsByAStockServer(tmp_path: Path) -> None:
    """
    A stock server and a cluster resume alike: not at all.
    """
    makeCertificate(tmp_path / "server.pem")
    with Script(
        """
        from tests.conformance.serving import *
        from twisted.internet.ssl import PrivateCertificate

        def listen():
            with open("server.pem") as file:
                certificate = PrivateCertificate.loadPEM(file.read())
            factory = Factory.forProtocol(Greeter)
            return reactor.listenSSL(0, factory, certificate.options(), interface=LOCAL)

        if cluster.isWorker:
            listen()
        else:
            @play
            async def scene():
                workers, ports = await up(2)
                stock = listen().getHost().port
                say("ports", stock=stock, port=ports[0])
                await Deferred()

        reactor.run()
        """,
        tmp_path,
    ) as script:
        ports = script.waitFor("ports")
        for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
            stock = resumptions(ports["stock"], version)
            assert resumptions(ports["port"], version) == stock == [False] * 4
        script.process.terminate()


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
                request.setHeader(b"connection", b"close")
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
                client.transport.write(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
                answer = (await client.ended).decode()
                say("answer", status=answer.split("\\r\\n")[0],
                    peer=answer.endswith(f"peer {own}"), port=port.getHost().port)

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("answer")["status"] == "HTTP/1.1 200 OK"
    assert script.the("answer")["peer"]
    assert script.the("given")["kind"] == "ConnectionDone"
