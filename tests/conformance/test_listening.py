"""
Listening, ports, options: section 2d of the catalogue.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conformance.acting import TELL, act, told
from tests.conformance.rows import row
from tests.conformance.scripts import Script, run
from tests.process.cluster import freePort

pytestmark = pytest.mark.process

POLICIES = pytest.mark.parametrize("policy", ["round-robin", "none"])
EACCES, EADDRINUSE = 13, 98


@row(
    "C60",
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
        reactor.run()
        """,
        tmp_path,
    )
    info = script.the("info")
    assert info["by"] == "1"
    assert told(script, "listens") == [(1, "port", info["port"])]


@row(
    "C61",
    behaviour="Listening without arguments works.",
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
        reactor.run()
        """,
        tmp_path,
    )
    info = script.the("info")
    assert (info["address"], info["type"], info["by"]) == (None, 4, "1")


@row(
    "C63",
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
        first.process.terminate()


@row(
    "C65",
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


@row(
    "C66",
    behaviour="EACCES for a port below 1024 reaches the worker, with round robin.",
    ours="the same",
)
def test_C66_aPrivilegedPortIsRefused(tmp_path: Path) -> None:
    """
    The primary may not, and the worker is told.
    """
    script = _privileged(tmp_path, "round-robin")
    assert told(script, "refused") == [(1, "port", EACCES)]


@row(
    "C67",
    behaviour="EACCES for a port below 1024 reaches the worker, with SCHED_NONE.",
    ours="the same",
)
def test_C67_aPrivilegedPortIsRefusedWhenShared(tmp_path: Path) -> None:
    """
    The same, where the kernel chooses.
    """
    script = _privileged(tmp_path, "none")
    assert told(script, "refused") == [(1, "port", EACCES)]


@row(
    "C68",
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


@row(
    "C69",
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
            await gatherResults([w.when("listening") for w in workers])
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
    assert set(script.the("six")["by"]) == {"1", "2"}


@row(
    "C73",
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
                say("primary", listeners=len(cluster._forks.rooms.listeners.byNumber))
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
    assert set(script.the("served")["by"]) <= {"1", "2"}


@row(
    "C74",
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
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("alone")["by"] == ["2"] * 3
    assert set(script.the("both")["by"]) == {"1", "2"}
    assert told(script, "again") == [(1, script.the("port")["number"])]


@row(
    "C77",
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


@row(
    "C78",
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
        reactor.run()
        """,
        tmp_path,
    )
    served = [(event["by"], event["port"]) for event in script.of("served")]
    assert [by for by, _ in served] == ["1", "2"]
    assert len({port for _, port in served}) == 2


@row(
    "C79",
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


@row(
    "C84",
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
    assert set(script.the("served")["by"]) == {"1", "2"}
