"""
Where Node is known to misbehave, rows X13 to X20: wires, errors, policies.
"""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import Script, run
from tests.process.cluster import freePort, isAlive

pytestmark = pytest.mark.process


@row(
    "X13",
    behaviour="A grandchild keeps the worker's descriptors, and the worker ends.",
    ours="disconnect, then exit, at once",
    difference="the process's end counts, whoever holds the channel; its descriptors "
    "are closed on exec",
)
def test_X13_aGrandchildHoldsUpNothing(tmp_path: Path) -> None:
    """
    A forked child without exec has every wire; the worker's end is told all the same.
    """
    with Script(
        """
        if cluster.isWorker:
            def leave(message):
                child = os.fork()
                if child:
                    say("child", pid=child)
                    os._exit(3)
                signal.pause()
            cluster.worker.on("message", leave)
        else:
            worker = cluster.fork()
            worker.on("online", lambda: worker.send("leave"))
            watch(cluster, "disconnect")
            cluster.on("exit", lambda worker, *how: say("exit", how=how))

            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    ) as script:
        assert script.wait() == 0
        grandchild = script.the("child")["pid"]
        assert isAlive(grandchild)
        os.kill(grandchild, signal.SIGKILL)
        assert script.kinds("child") == ["disconnect", "exit"]
        assert script.the("exit")["how"] == [3, None]


@row(
    "X14",
    behaviour="A worker cannot be started.",
    ours="error, disconnect, exit, in this order, with a negative errno as code; it is "
    "gone from workers",
    difference="there is always an exit",
)
def test_X14_whatCannotStartHasAnEnd(tmp_path: Path) -> None:
    """
    A directory that is not there, and a user that one may not be; nothing is left open.
    """
    script = run(
        """
        async def scene():
            before = sorted(os.listdir("/proc/self/fd"))
            cluster.setupPrimary(cwd="nowhere")
            worker = cluster.fork()
            watch(worker, "disconnect", state=lambda: worker.state)
            worker.on("error", lambda failure: say("error", text=str(failure.value)))
            worker.on("exit", lambda *how: say("exit", how=how, dead=worker.isDead(),
                left=len(cluster.workers), pid=worker.process.pid))
            say("returned", workers=list(cluster.workers))
            await worker.when("exit")
            say("fds", same=before == sorted(os.listdir("/proc/self/fd")))
            cluster.setupPrimary(cwd=None)
            again = cluster.fork()
            await again.when("online")
            await cluster.disconnect()
        if cluster.isPrimary:
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.kinds() == ["returned", "error", "disconnect", "exit", "fds"]
    assert script.the("returned")["workers"] == [1]
    assert "No such file or directory: 'nowhere'" in script.the("error")["text"]
    ended = script.the("exit")
    assert ended["how"] == [-2, None]
    assert (ended["dead"], ended["left"], ended["pid"]) == (True, 0, None)
    assert script.the("fds")["same"]


@row(
    "X15",
    behaviour="The only worker is stuck, clients queue, and another worker joins.",
    ours="it serves all of them at once",
    difference="also what the stuck one had been handed already",
)
def test_X15_theLateJoinerServesTheQueue(tmp_path: Path) -> None:
    """
    More clients than are handed over, all greeted by the newcomer.
    """
    with Script(
        """
        if cluster.isWorker:
            listen(port=int(os.environ.get("PORT", 0)))
        else:
            async def scene():
                first = cluster.fork()
                port = (await first.when("listening")).port
                await until(lambda: os.path.exists("begin"))
                second = cluster.fork({"PORT": str(port)})
                await second.when("listening")
                await until(lambda: os.path.exists("end"))
                first.kill("SIGKILL")
                await first.when("exit")
                await cluster.disconnect()
            cluster.on("listening", lambda worker, info:
                say("listening", pid=worker.process.pid, port=info.port))
            play(scene)
        reactor.run()
        """,
        tmp_path,
    ) as script:
        first = script.waitFor("listening")
        os.kill(first["pid"], signal.SIGSTOP)
        where = ("127.0.0.1", first["port"])
        clients = [socket.create_connection(where, 5) for _ in range(100)]
        (tmp_path / "begin").touch()
        for client in clients:
            with client:
                client.settimeout(10)
                assert client.recv(10) == b"2"
        (tmp_path / "end").touch()


@row(
    "X16",
    behaviour="The last worker ends while clients queue.",
    ours="as Node: who comes later is refused; with keepListening the port stays open, "
    "and who comes waits for the next worker",
    difference="the setting keepListening",
)
def test_X16_thePortCanOutliveItsWorkers(tmp_path: Path) -> None:
    """
    Without the setting the port is closed; with it a client that comes while there is
    no worker is served by the next.
    """
    port = freePort()
    text = """
        PORT = int(sys.argv[2])
        if cluster.isWorker:
            listen(port=PORT)
        else:
            async def scene():
                cluster.setupPrimary(keepListening=sys.argv[1] == "keep")
                for end in ("disconnect", "SIGKILL"):
                    worker = cluster.fork()
                    await worker.when("listening")
                    await fetch(PORT)
                    ended = worker.when("exit")
                    worker.disconnect() if end == "disconnect" else worker.kill(end)
                    await ended
                    try:
                        client = await connect(PORT)
                    except error.ConnectionRefusedError:
                        say("refused", after=end)
                        continue
                    await cluster.fork().when("listening")
                    say("served", after=end, by=(await client.ended).decode())
                    await cluster.disconnect()
            play(scene)
        reactor.run()
        """
    closed = run(text, tmp_path, arguments=["close", str(port)])
    assert [event["after"] for event in closed.of("refused")] == ["disconnect", "SIGKILL"]
    kept = run(text, tmp_path, arguments=["keep", str(port)])
    assert [(e["after"], e["by"]) for e in kept.of("served")] == [
        ("disconnect", "2"),
        ("SIGKILL", "4"),
    ]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@row(
    "X17",
    behaviour="A message is sent on a channel that is closed.",
    ours="the Deferred fails, on either side; nothing else happens",
    difference="Node raises an error event, which ends a process that does not listen",
)
def test_X17_sendingToNobodyFails(tmp_path: Path) -> None:
    """
    To a worker that is gone, and from a worker whose primary has cut the channel.
    """
    script = run(
        """
        from twisted_cluster.errors import ChannelClosedError

        def failed(where, sent):
            return sent.addErrback(
                lambda f: say(where, kind=f.trap(ChannelClosedError).__name__))

        if cluster.isWorker:
            def late():
                failed("worker", cluster.worker.send("late"))
                failed("worker ask", cluster.worker.ask("late"))
                failed("worker broadcast", cluster.broadcast("late"))
            cluster.worker.on("disconnect", late)
        else:
            async def scene():
                worker = cluster.fork()
                await worker.when("online")
                worker.process.disconnect()
                await failed("cut", worker.send("late"))
                await worker.when("exit")
                await failed("gone", worker.send("late"))
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    names = ["cut", "gone", "worker", "worker ask", "worker broadcast"]
    assert sorted(script.kinds()) == sorted(names)
    assert script.errors.count("Traceback") == 0


@row(
    "X18",
    behaviour="Messages that look like the cluster's own.",
    ours="they arrive as any other",
    difference="users' messages have a stream and an envelope of their own",
)
def test_X18_noMessageLooksInternal(tmp_path: Path) -> None:
    """
    Node's, and what our own channel and frames are made of; there and back.
    """
    script = run(
        """
        MESSAGES = [
            {"cmd": "NODE_CLUSTER", "act": "disconnect"}, {"cmd": "NODE_"},
            ["Drain", {"timeout": 0}], ["Online", {}], ["Leaving", {"planned": True}],
            {"kind": 1, "flags": 1}, "\\x1e[]", "", None, 0, [], {},
        ]
        if cluster.isWorker:
            cluster.worker.on("message", lambda message: cluster.worker.send(message))
        else:
            async def scene():
                worker = cluster.fork()
                back = []
                worker.on("message", back.append)
                for message in MESSAGES:
                    worker.send(message)
                await until(lambda: len(back) == len(MESSAGES))
                say("back", same=back == MESSAGES, connected=worker.isConnected())
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("back") == {"what": "back", "same": True, "connected": True}


@row(
    "X19",
    behaviour="A worker listens twice on one fixed port.",
    ours="CannotListenError (EADDRINUSE), TCP and UDP, whichever the policy; the first "
    "port goes on",
    difference="newer Nodes die of an assertion with SCHED_NONE, and of UDP",
)
@pytest.mark.parametrize("policy", ["round-robin", "none"])
def test_X19_theSamePortTwiceIsInUse(tmp_path: Path, policy: str) -> None:
    """
    The error can be caught, and the first port serves.
    """
    script = run(
        """
        from twisted.internet.protocol import DatagramProtocol
        if cluster.isWorker:
            port = listen().getHost().port
            udp = reactor.listenUDP(0, DatagramProtocol()).getHost().port
            for again in [lambda: listen(port=port),
                          lambda: reactor.listenUDP(udp, DatagramProtocol())]:
                try:
                    again()
                except error.CannotListenError as problem:
                    say("refused", errno=problem.socketError.errno)
            cluster.worker.send(port)
        else:
            async def scene():
                cluster.schedulingPolicy = sys.argv[1]
                worker = cluster.fork()
                port, _ = await worker.when("message")
                say("greeted", by=await fetch(port))
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
        arguments=[policy],
    )
    assert [event["errno"] for event in script.of("refused")] == [98, 98]
    assert script.the("greeted")["by"] == "1"


@row(
    "X20",
    behaviour="The policy is changed after the first fork, or is none.",
    ours="an error at once that says what is in force, or what there is",
    difference="Node is silent, or fails an assertion",
)
def test_X20_policiesAreCheckedWhenTheyAreSet(tmp_path: Path) -> None:
    """
    Both errors are ours, and the one that was set stays.
    """
    script = run(
        """
        from twisted_cluster.errors import ClusterError
        if cluster.isPrimary:
            async def scene():
                def change(policy):
                    try:
                        cluster.schedulingPolicy = policy
                    except ClusterError as error:
                        say("refused", kind=type(error).__name__, text=str(error))
                change("best")
                change(3)
                cluster.schedulingPolicy = "least-connections"
                await cluster.fork().when("online")
                change(cluster.SCHED_NONE)
                say("policy", now=cluster.schedulingPolicy)
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert [event["kind"] for event in script.of("refused")] == [
        "PolicyArgumentError",
        "PolicyArgumentError",
        "ClusterError",
    ]
    assert (
        "before the first fork(): it is 'least-connections'"
        in (script.of("refused")[2]["text"])
    )
    assert script.the("policy")["now"] == "least-connections"
