"""
<<<<<<< HEAD
Listening, ports and options: section 2d of the catalogue.
=======
Listening, ports, options: section 2d of the catalogue.
>>>>>>> main
"""

from __future__ import annotations

<<<<<<< HEAD
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
=======
import socket
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import Script, run
from tests.process.cluster import freePort

pytestmark = pytest.mark.process

POLICIES = pytest.mark.parametrize("policy", ["round-robin", "none"])
EACCES, EADDRINUSE = 13, 98
# Workers tell the primary what came of their attempts, and it says so.
TELL = """
PORT = int(os.environ.get("PORT", "0"))

def tell(*facts):
    cluster.worker.send(list(facts))

def attempt(what, listening):
    try:
        port = listening()
    except error.CannotListenError as problem:
        tell("refused", what, problem.socketError.errno)
    else:
        address = port.getHost()
        tell("listens", what, getattr(address, "port", None))
        return port

if cluster.isPrimary:
    cluster.schedulingPolicy = os.environ.get("POLICY", "round-robin")
    cluster.on("message", lambda worker, message:
        say(message[0], id=worker.id, of=message[1:]))
"""


def act(
    text: str, directory: Path, policy: str = "round-robin", **options: Any
) -> Script:
    """
    Run a script that begins with L{TELL}.
    """
    env = {"POLICY": policy, **options.pop("env", {})}
    return run(TELL + dedent(text), directory, env=env, **options)


def told(script: Script, what: str) -> list[tuple[Any, ...]]:
    """
    What workers told of one kind: (worker, fact, ...), sorted.
    """
    return sorted((event["id"], *event["of"]) for event in script.of(what))
>>>>>>> main


@row(
    "C60",
<<<<<<< HEAD
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

=======
    behaviour="A port opened on 0 is reported with its real number.",
    ours="the same",
)
def test_C60_theRealPortIsReported(tmp_path: Path) -> None:
    """
    In the event, in the worker, and by who answers there.
    """
    script = act(
        """
        if cluster.isWorker:
            attempt("port", listen)
        else:
            async def scene():
                worker = cluster.fork()
                info = await worker.when("listening")
                say("info", port=info.port, by=await fetch(info.port))
                await cluster.disconnect()
            play(scene)
>>>>>>> main
        reactor.run()
        """,
        tmp_path,
    )
<<<<<<< HEAD
    told = script.the("told")
    assert told["port"] > 0
    assert told["same"]
    assert told["answer"] == "1"
=======
    info = script.the("info")
    assert info["by"] == "1"
    assert told(script, "listens") == [(1, "port", info["port"])]
>>>>>>> main


@row(
    "C61",
    behaviour="Listening without arguments works.",
<<<<<<< HEAD
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

=======
    ours="listenTCP(0, factory)",
    difference="Twisted's call has no default port",
)
def test_C61_theDefaultsListen(tmp_path: Path) -> None:
    """
    No interface: all IPv4 addresses; the event has no address, as none was given.
    """
    script = act(
        """
        if cluster.isWorker:
            reactor.listenTCP(0, Factory.forProtocol(Greeter))
        else:
            async def scene():
                info = await cluster.fork().when("listening")
                say("info", address=info.address, type=info.addressType,
                    port=info.port, by=await fetch(info.port))
                await cluster.disconnect()
            play(scene)
>>>>>>> main
        reactor.run()
        """,
        tmp_path,
    )
<<<<<<< HEAD
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
=======
    info = script.the("info")
    assert (info["address"], info["type"], info["by"]) == (None, 4, "1")
>>>>>>> main


@row(
    "C63",
<<<<<<< HEAD
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
=======
    behaviour="A second cluster on the same port gets EADDRINUSE in its workers.",
    ours="CannotListenError in each worker",
)
@POLICIES
def test_C63_anotherClustersPortIsInUse(tmp_path: Path, policy: str) -> None:
    """
    And the first goes on serving.
    """
    with Script(
        """
        if cluster.isWorker:
            listen()
        else:
            cluster.fork().on("listening", lambda info: say("listening", port=info.port))
        reactor.run()
        """,
        tmp_path,
    ) as first:
        port = first.waitFor("listening")["port"]
        second = act(
            """
            if cluster.isWorker:
                attempt("port", lambda: listen(port=PORT))
            else:
                async def scene():
                    workers = [cluster.fork() for _ in range(2)]
                    await gatherResults([w.when("message") for w in workers])
                    say("first", by=await fetch(PORT))
                    await cluster.disconnect()
                play(scene)
            reactor.run()
            """,
            tmp_path,
            policy,
            env={"PORT": str(port)},
            name="second.py",
        )
        assert told(second, "refused") == [(n, "port", EADDRINUSE) for n in (1, 2)]
        assert second.the("first")["by"] == "1"
>>>>>>> main
        first.process.terminate()


@row(
    "C65",
<<<<<<< HEAD
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
=======
    behaviour="A busy UNIX path is an error in the worker, which it can send on.",
    ours="CannotListenError with the errno",
)
def test_C65_aBusyPathIsAnErrorInTheWorker(tmp_path: Path) -> None:
    """
    The stranger's socket stays what it is.
    """
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(tmp_path / "busy"))
        stranger.listen()
        script = act(
            """
            if cluster.isWorker:
                factory = Factory.forProtocol(Greeter)
                attempt("path", lambda: reactor.listenUNIX("busy", factory))
                attempt("other", lambda: reactor.listenUNIX("free", factory))
            else:
                async def scene():
                    worker = cluster.fork()
                    await worker.when("listening")
                    await cluster.disconnect()
                    os.unlink("busy")
                play(scene)
            reactor.run()
            """,
            tmp_path,
        )
    assert told(script, "refused") == [(1, "path", EADDRINUSE)]
    assert told(script, "listens") == [(1, "other", None)]


def _privileged(directory: Path, policy: str) -> Script:
    lowest = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if lowest < 2:
        pytest.skip("every port is open to everybody here")
    drop = ["setpriv", "--bounding-set", "-net_bind_service", "--"]
    return act(
        """
        if cluster.isWorker:
            attempt("port", lambda: listen(port=1))
        else:
            async def scene():
                await cluster.fork().when("message")
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        directory,
        policy,
        python=[*drop, sys.executable],
    )
>>>>>>> main


@row(
    "C66",
<<<<<<< HEAD
    behaviour="Round robin: EACCES for a privileged port reaches the worker.",
    ours="the same: CannotListenError, EACCES",
)
def test_C66_privilegedPort(tmp_path: Path) -> None:
    """
    Bound in the primary, an error in the worker.
    """
    assert privileged(tmp_path, ROUND_ROBIN) == "EACCES"
=======
    behaviour="EACCES for a port below 1024 reaches the worker, with round robin.",
    ours="the same",
)
def test_C66_aPrivilegedPortIsRefused(tmp_path: Path) -> None:
    """
    The primary may not, and the worker is told.
    """
    script = _privileged(tmp_path, "round-robin")
    assert told(script, "refused") == [(1, "port", EACCES)]
>>>>>>> main


@row(
    "C67",
<<<<<<< HEAD
    behaviour="The same when the kernel chooses.",
    ours="the same: CannotListenError, EACCES",
)
def test_C67_privilegedPortWhereTheKernelChooses(tmp_path: Path) -> None:
    """
    As C66, under SCHED_NONE.
    """
    assert privileged(tmp_path, NONE) == "EACCES"
=======
    behaviour="EACCES for a port below 1024 reaches the worker, with SCHED_NONE.",
    ours="the same",
)
def test_C67_aPrivilegedPortIsRefusedWhenShared(tmp_path: Path) -> None:
    """
    The same, where the kernel chooses.
    """
    script = _privileged(tmp_path, "none")
    assert told(script, "refused") == [(1, "port", EACCES)]
>>>>>>> main


@row(
    "C68",
<<<<<<< HEAD
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
=======
    behaviour="EADDRINUSE reaches the worker with SCHED_NONE; the primary's own listener "
    "on that port is unharmed.",
    ours="the same",
)
def test_C68_thePrimarysOwnPortIsInUse(tmp_path: Path) -> None:
    """
    What the script listens on in the primary is a stock port.
    """
    script = act(
        """
        if cluster.isWorker:
            attempt("port", lambda: listen(port=PORT))
        else:
            async def scene():
                port = listen()
                number = port.getHost().port
                await cluster.fork({"PORT": str(number)}).when("message")
                say("own", by=await fetch(number))
                await cluster.disconnect()
                await port.stopListening()
            play(scene)
        reactor.run()
        """,
        tmp_path,
        "none",
    )
    assert told(script, "refused") == [(1, "port", EADDRINUSE)]
    assert script.the("own")["by"] == "0"
>>>>>>> main


@row(
    "C69",
<<<<<<< HEAD
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
=======
    behaviour="The backlog that was asked for is the primary's socket's; the first "
    "asker's counts.",
    ours="the same, but never less than 511",
    difference="Twisted's default of 50 is too little for a port that many workers share",
)
def test_C69_theFirstBacklogCounts(tmp_path: Path) -> None:
    """
    The kernel's word on the listening socket.
    """
    script = act(
        """
        import socket, struct
        def backlog(asked):
            factory = Factory.forProtocol(Greeter)
            port = reactor.listenTCP(PORT, factory, asked, "127.0.0.1")
            info = port.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
            tell("backlog", struct.unpack_from("I", info, 28)[0])

        if cluster.isWorker:
            backlog(int(os.environ["BACKLOG"]))
        else:
            async def scene():
                for port, sizes in zip(sys.argv[1:], [("600", "700"), ("50", "50")]):
                    for size in sizes:
                        worker = cluster.fork({"PORT": port, "BACKLOG": size})
                        await worker.when("message")
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
        arguments=[str(freePort()), str(freePort())],
    )
    assert told(script, "backlog") == [(1, 600), (2, 600), (3, 511), (4, 511)]


SIX = """
    if cluster.isWorker:
        attempt("port", lambda: listen(port=PORT, interface="::", ipv6Only=ONLY))
    else:
        async def scene():
            workers = [cluster.fork({"PORT": str(PORT)}) for _ in range(2)]
            await gatherResults([w.when("message") for w in workers])
            say("six", by=sorted([await fetch(PORT, "::1") for _ in range(4)]))
            try:
                say("four", by=await fetch(PORT))
            except error.ConnectionRefusedError:
                port = listen(port=PORT)
                say("own", by=await fetch(PORT))
                await port.stopListening()
            await cluster.disconnect()
        play(scene)
    reactor.run()
    """.replace('listen(port=PORT, interface="::", ipv6Only=ONLY)', "six()")


def _six(directory: Path, policy: str, only: bool) -> Script:
    port = freePort()
    listening = f"""
def six():
    factory = Factory.forProtocol(Greeter)
    return reactor.listenTCP(PORT, factory, interface="::", ipv6Only={only})
"""
    env = {"PORT": str(port), "POLICY": policy}
    return run(TELL + listening + dedent(SIX), directory, env=env)


@row(
    "C70",
    behaviour="A port on :: takes IPv4 too; all workers share it.",
    ours="the same",
)
@POLICIES
def test_C70_sixTakesFourToo(tmp_path: Path, policy: str) -> None:
    """
    A client of each kind is served.
    """
    script = _six(tmp_path, policy, only=False)
    assert len(told(script, "listens")) == 2
    assert script.the("four")["by"] in "12"


@row(
    "C71",
    behaviour="ipv6Only leaves the IPv4 port to others, with SCHED_NONE.",
    ours="the option ipv6Only",
)
def test_C71_ipv6OnlyLeavesFourWhenShared(tmp_path: Path) -> None:
    """
    The primary itself listens there.
    """
    script = _six(tmp_path, "none", only=True)
    assert script.the("own")["by"] == "0"
    assert set(script.the("six")["by"]) <= {"1", "2"}


@row(
    "C72",
    behaviour="ipv6Only leaves the IPv4 port to others, with round robin.",
    ours="the option ipv6Only",
)
def test_C72_ipv6OnlyLeavesFour(tmp_path: Path) -> None:
    """
    The primary itself listens there.
    """
    script = _six(tmp_path, "round-robin", only=True)
    assert script.the("own")["by"] == "0"
    assert script.the("six")["by"] == ["1", "1", "2", "2"]
>>>>>>> main


@row(
    "C73",
<<<<<<< HEAD
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
=======
    behaviour="reusePort does not ask the primary; two workers share the port.",
    ours="the option reusePort; listening is told all the same",
    difference="Node tells no listening for such ports, and users miss it",
)
def test_C73_reusePortIsTheWorkersOwn(tmp_path: Path) -> None:
    """
    The primary has no listener, and both workers are in the kernel's hands.
    """
    script = act(
        """
        if cluster.isWorker:
            attempt("port", lambda: listen(port=PORT, reusePort=True))
        else:
            async def scene():
                workers = [cluster.fork() for _ in range(2)]
                infos = await gatherResults([w.when("listening") for w in workers])
                say("primary", listeners=len(cluster._ground.listeners.byNumber))
                say("ports", ports=[info.port for info in infos])
                by = {await fetch(PORT) for _ in range(60)}
                say("served", by=sorted(by))
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
        env={"PORT": str(freePort())},
    )
    assert script.the("primary")["listeners"] == 0
    assert len(set(script.the("ports")["ports"])) == 1
    assert script.the("served")["by"] == ["1", "2"]
>>>>>>> main


@row(
    "C74",
<<<<<<< HEAD
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

=======
    behaviour="A worker closes its port on 0 and listens again, while another keeps it.",
    ours="the same port again, by an explicit name",
    difference="without a name a port opened on 0 while the reactor runs is the worker's "
    "own: Node's rule breaks FTP's passive mode",
)
def test_C74_aPortCanBeOpenedAgain(tmp_path: Path) -> None:
    """
    It leaves the rotation and comes back to it.
    """
    script = act(
        """
        if cluster.isWorker:
            port = listen(name="a")
            async def again():
                global port
                await port.stopListening()
                tell("closed")
                await cluster.worker.when("message")
                port = listen(name="a")
                tell("again", port.getHost().port)
            cluster.worker.once("message", lambda: again())
        else:
            async def scene():
                one, two = [cluster.fork() for _ in range(2)]
                info, _ = await gatherResults([w.when("listening") for w in (one, two)])
                one.send("close")
                await one.when("message")
                say("alone", by=[await fetch(info.port) for _ in range(3)])
                one.send("open")
                await one.when("listening")
                say("both", by=sorted([await fetch(info.port) for _ in range(4)]))
                say("port", number=info.port)
                await cluster.disconnect()
            play(scene)
>>>>>>> main
        reactor.run()
        """,
        tmp_path,
    )
<<<<<<< HEAD
    assert script.the("first")["same"]
    named, unnamed = script.of("again")
    assert named["same"]
    assert named["answers"] == ["1", "2"]
    assert not unnamed["same"]
    assert unnamed["answers"] == ["1"]
=======
    assert script.the("alone")["by"] == ["2"] * 3
    assert script.the("both")["by"] == ["1", "1", "2", "2"]
    assert told(script, "again") == [(1, script.the("port")["number"])]
>>>>>>> main


@row(
    "C77",
<<<<<<< HEAD
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
=======
    behaviour="A worker listens twice on one fixed port: EADDRINUSE, which can be "
    "caught; the first port is unharmed.",
    ours="the same, whichever the policy; see X19",
)
@POLICIES
def test_C77_twiceIsInUse(tmp_path: Path, policy: str) -> None:
    """
    Another worker may still join the first port.
    """
    script = act(
        """
        if cluster.isWorker:
            attempt("first", lambda: listen(port=PORT))
            attempt("second", lambda: listen(port=PORT))
        else:
            async def scene():
                workers = [cluster.fork() for _ in range(2)]
                await gatherResults([w.when("listening") for w in workers])
                say("served", by=await fetch(PORT))
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
        policy,
        env={"PORT": str(freePort())},
    )
    assert told(script, "refused") == [(n, "second", EADDRINUSE) for n in (1, 2)]
    assert script.the("served")["by"] in "12"
>>>>>>> main


@row(
    "C78",
<<<<<<< HEAD
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

=======
    behaviour="exclusive and port 0: each worker has a port of its own.",
    ours="the option exclusive",
)
def test_C78_exclusivePortsDiffer(tmp_path: Path) -> None:
    """
    Each port is served by its worker alone.
    """
    script = act(
        """
        if cluster.isWorker:
            attempt("port", lambda: listen(exclusive=True))
        else:
            async def scene():
                for _ in range(2):
                    info = await cluster.fork().when("listening")
                    say("served", port=info.port, by=await fetch(info.port))
                await cluster.disconnect()
            play(scene)
>>>>>>> main
        reactor.run()
        """,
        tmp_path,
    )
<<<<<<< HEAD
    told = script.of("told")
    assert len({one["port"] for one in told}) == 2
    assert [one["answers"] for one in told] == [["1"], ["2"]]
    assert not any(one["here"] for one in told)
=======
    served = [(event["by"], event["port"]) for event in script.of("served")]
    assert [by for by, _ in served] == ["1", "2"]
    assert len({port for _, port in served}) == 2
>>>>>>> main


@row(
    "C79",
<<<<<<< HEAD
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
=======
    behaviour="A fixed port is shared by two workers; exclusive, the second is refused.",
    ours="the same",
)
def test_C79_exclusiveFixedPortsClash(tmp_path: Path) -> None:
    """
    Shared, refused: in one run.
    """
    script = act(
        """
        if cluster.isWorker:
            attempt("shared", lambda: listen(port=PORT))
            own = int(sys.argv[1])
            attempt("exclusive", lambda: listen(port=own, exclusive=True))
        else:
            async def scene():
                for _ in range(2):
                    await cluster.fork().when("online")
                    await until(lambda: len(heard) == 2)
                    heard.clear()
                await cluster.disconnect()
            heard = []
            cluster.on("message", lambda worker, message: heard.append(message))
            play(scene)
        reactor.run()
        """,
        tmp_path,
        env={"PORT": str(freePort())},
        arguments=[str(freePort())],
    )
    assert [fact[:2] for fact in told(script, "listens")] == [
        (1, "exclusive"),
        (1, "shared"),
        (2, "shared"),
    ]
    assert told(script, "refused") == [(2, "exclusive", EADDRINUSE)]
>>>>>>> main


@row(
    "C84",
<<<<<<< HEAD
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
                client.transport.write(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
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
=======
    behaviour="A descriptor to listen on is the primary's, by its number there; it lives "
    "on when whoever gave it closes it.",
    ours="the option fd",
)
def test_C84_aDescriptorIsThePrimarys(tmp_path: Path) -> None:
    """
    As systemd gives one: bound by somebody else, inherited by the primary.
    """
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        text = """
            if cluster.isWorker:
                attempt("fd", lambda: listen(fd=int(sys.argv[1])))
            else:
                async def scene():
                    await until(lambda: os.path.exists("closed"))
                    workers = [cluster.fork() for _ in range(2)]
                    infos = await gatherResults([w.when("listening") for w in workers])
                    os.close(int(sys.argv[1]))
                    say("info", fds=[info.fd for info in infos])
                    by = [await fetch(int(sys.argv[2])) for _ in range(4)]
                    say("served", by=sorted(by))
                    await cluster.disconnect()
                play(scene)
            reactor.run()
            """
        fd, port = bound.fileno(), bound.getsockname()[1]
        arguments = [str(fd), str(port)]
        script = Script(TELL + dedent(text), tmp_path, arguments=arguments, fds=[fd])
    with script:
        (tmp_path / "closed").touch()
        assert script.wait() == 0, script.story()
    assert script.the("info")["fds"] == [fd, fd]
    assert script.the("served")["by"] == ["1", "1", "2", "2"]
>>>>>>> main
