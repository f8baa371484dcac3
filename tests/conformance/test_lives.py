"""
Lives, exits, kills: section 2b of the catalogue.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import run

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("eitherWay")]


@row(
    "C20",
    behaviour="A worker that exits with 42 is reported so, by worker and by cluster.",
    ours="the same, before and after the reactor has run there",
)
def test_C20_exitCodeIsReported(tmp_path: Path) -> None:
    """
    A script's own exit code arrives, from whichever place it exits.
    """
    script = run(
        """
        if cluster.isWorker and cluster.worker.id == 1:
            sys.exit(41)
        elif cluster.isWorker:
            reactor.callWhenRunning(reactor.stop)
        else:
            for _ in range(2):
                worker = cluster.fork()
                worker.on("exit", lambda *how: say("worker", how=how))
            cluster.on("exit", lambda which, *how: say("cluster", id=which.id, how=how))
            stopWhenAlone()
        reactor.run()
        if cluster.isWorker:
            sys.exit(42)
        """,
        tmp_path,
    )
    assert {(e["id"], *e["how"]) for e in script.of("cluster")} == {
        (1, 41, None),
        (2, 42, None),
    }
    assert sorted(e["how"] for e in script.of("worker")) == [[41, None], [42, None]]


@row(
    "C21",
    behaviour="A worker that exits unasked gives one disconnect and one exit; "
    "exitedAfterDisconnect is false; its process is gone.",
    ours="the same",
)
def test_C21_unplannedExitIsToldOnce(tmp_path: Path) -> None:
    """
    One disconnect, in that state, and one exit, false as to its being planned.
    """
    script = run(
        """
        if cluster.isWorker:
            listen()
            cluster.worker.on("message", lambda _: reactor.stop())
        else:
            worker = cluster.fork()
            worker.on("listening", lambda: worker.send("end"))
            watch(worker, "disconnect", state=lambda: worker.state)
            watch(worker, "exit", planned=lambda: worker.exitedAfterDisconnect,
                  gone=lambda: not os.path.exists(f"/proc/{worker.process.pid}"),
                  code=lambda: worker.process.exitCode)
            stopWhenAlone()
        reactor.run()
        if cluster.isWorker:
            sys.exit(7)
        """,
        tmp_path,
    )
    assert script.the("disconnect")["state"] == "disconnected"
    assert script.the("exit") == {
        "what": "exit",
        "planned": False,
        "gone": True,
        "code": 7,
    }


@row(
    "C23",
    behaviour="kill(signal) in the primary delivers that signal; exitedAfterDisconnect "
    "is false; at the last event workers is empty.",
    ours="the same; SIGTERM, the default, lets the worker drain first",
    difference="Node's worker dies of SIGTERM at once, with its requests.",
)
def test_C23_killDeliversTheSignal(tmp_path: Path) -> None:
    """
    Killed by SIGKILL, and by default by SIGTERM after what it is serving.
    """
    script = run(
        """
        class Slow(Protocol):
            def connectionMade(self):
                self.transport.write(b"begun")
                cluster.worker.send("serving")
                reactor.callLater(0.3, self.transport.write, b", ended")
                reactor.callLater(0.3, self.transport.loseConnection)

        if cluster.isWorker:
            listen(Slow)
        else:
            @cluster.on("exit")
            def ended(worker, code, signal):
                say("exit", id=worker.id, code=code, signal=signal,
                    planned=worker.exitedAfterDisconnect)

            @play
            async def scene():
                first, second = cluster.fork(), cluster.fork()
                up = gatherResults([first.when("listening"), second.when("listening")])
                port = (await up)[0].port
                first.kill("SIGKILL")
                await first.when("exit")
                client = await connect(port)
                await second.when("message")
                second.kill()
                say("heard", heard=(await client.ended).decode())
                await until(lambda: not cluster.workers)

        reactor.run()
        """,
        tmp_path,
    )
    found = {e["id"]: (e["code"], e["signal"], e["planned"]) for e in script.of("exit")}
    assert found == {1: (None, "SIGKILL", False), 2: (None, "SIGTERM", False)}
    assert script.the("heard")["heard"] == "begun, ended"


@row(
    "C25",
    behaviour="After disconnect() or kill() in the worker exitedAfterDisconnect is true"
    " at both events, and the exit code 0.",
    ours="the same, also before the reactor runs",
)
def test_C25_workerMayPlanItsEnd(tmp_path: Path) -> None:
    """
    A worker's own disconnect and kill are planned ends, early or late.
    """
    script = run(
        """
        if cluster.isWorker:
            end = getattr(cluster.worker, os.environ["HOW"])
            if os.environ["WHEN"] == "early":
                end()
            else:
                reactor.callWhenRunning(end)
        else:
            def begin(how, when):
                worker = cluster.fork({"HOW": how, "WHEN": when})
                watch(worker, "disconnect", "exit", how=lambda: f"{how} {when}",
                      planned=lambda: worker.exitedAfterDisconnect,
                      ended=lambda: [worker.process.exitCode, worker.process.signalCode])

            for how in ["disconnect", "kill"]:
                for when in ["early", "late"]:
                    begin(how, when)
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    hows = {"disconnect early", "disconnect late", "kill early", "kill late"}
    for name in ["disconnect", "exit"]:
        assert {event["how"] for event in script.of(name)} == hows
        assert len(script.of(name)) == 4
        assert all(event["planned"] is True for event in script.of(name))
    assert {event["how"]: event["ended"] for event in script.of("exit")} == {
        how: [0, None] for how in hows
    }


@row(
    "C26",
    behaviour="Destroying itself ends a worker, connected or already disconnected.",
    ours="the same; it is called kill; disconnect returns the worker",
    difference="No alias destroy.",
)
def test_C26_workerKillsItself(tmp_path: Path) -> None:
    """
    kill() ends a worker also when its channel has gone.
    """
    script = run(
        """
        if cluster.isWorker:
            def end():
                if cluster.worker.id == 1:
                    cluster.worker.kill()
                else:
                    cluster.worker.on("disconnect", cluster.worker.kill)
                    say("same", same=cluster.worker.disconnect() is cluster.worker)

            reactor.callWhenRunning(end)
        else:
            cluster.fork()
            cluster.fork()
            cluster.on("exit", lambda worker, *how: say("exit", how=how))
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert [event["how"] for event in script.of("exit")] == [[0, None]] * 2
    assert script.the("same")["same"] is True


@row(
    "C27",
    behaviour="Killing a worker that has disconnected or exited does no harm.",
    ours="the same",
)
def test_C27_killingTheGoneIsHarmless(tmp_path: Path) -> None:
    """
    kill() after disconnect, and after exit, raises nothing.
    """
    script = run(
        """
        if cluster.isWorker:
            cluster.worker.disconnect()
        else:
            sayFailures()
            worker = cluster.fork()
            worker.on("disconnect", lambda: (worker.kill(), say("killed")))
            worker.on("exit", lambda: (worker.kill(), say("killed")))
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert script.kinds() == ["killed", "killed"]


@row(
    "C28",
    behaviour="isDead() is false after fork and in the worker, true at exit.",
    ours="the same",
)
def test_C28_isDeadOnlyAtExit(tmp_path: Path) -> None:
    """
    A worker is dead when exit is told, not before.
    """
    script = run(
        """
        if cluster.isWorker:
            say("dead", where="worker", dead=cluster.worker.isDead())
            cluster.worker.disconnect()
        else:
            worker = cluster.fork()
            say("dead", where="fork", dead=worker.isDead())
            worker.on("exit", lambda: say("dead", where="exit", dead=worker.isDead()))
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    dead = {event["where"]: event["dead"] for event in script.of("dead")}
    assert dead == {"fork": False, "worker": False, "exit": True}


@row(
    "C29",
    behaviour="isConnected() is true after fork and in the worker, false inside "
    "disconnect on both sides.",
    ours="the same",
)
def test_C29_isConnectedUntilDisconnect(tmp_path: Path) -> None:
    """
    Both ends of the channel know when it has closed.
    """
    script = run(
        """
        if cluster.isWorker:
            worker = cluster.worker
            say("worker", at="start", connected=worker.isConnected())
        else:
            worker = cluster.fork()
            say("primary", at="start", connected=worker.isConnected())
            worker.on("online", worker.disconnect)
            stopWhenAlone()
        name = "worker" if cluster.isWorker else "primary"
        worker.on("disconnect",
                  lambda: say(name, at="end", connected=worker.isConnected()))
        reactor.run()
        """,
        tmp_path,
    )
    for name in ["worker", "primary"]:
        told = {event["at"]: event["connected"] for event in script.of(name)}
        assert told == {"start": True, "end": False}, name


@row(
    "C30",
    behaviour="After a planned disconnect the worker's own later exit code counts; a "
    "channel closed by the primary forces 0 at once.",
    ours="the same codes; with the channel gone a worker drains, bounded, and ends"
    " with 0",
    difference="Requests that are being served are not cut.",
)
def test_C30_plannedDisconnectKeepsTheExitCode(tmp_path: Path) -> None:
    """
    A script that exits with 42 after its reactor is heard only if that was planned.
    """
    script = run(
        """
        if cluster.isPrimary:
            def begin(end):
                worker = cluster.fork()
                worker.on("online", lambda: end(worker))
                worker.on("exit", lambda *how: say("exit", id=worker.id, how=how,
                                                   planned=worker.exitedAfterDisconnect))

            begin(lambda worker: worker.disconnect())
            begin(lambda worker: worker.process.disconnect())
            stopWhenAlone()
        reactor.run()
        if cluster.isWorker:
            sys.exit(42)
        """,
        tmp_path,
    )
    told = {e["id"]: (*e["how"], e["planned"]) for e in script.of("exit")}
    assert told == {1: (42, None, True), 2: (0, None, False)}


@row(
    "C31",
    behaviour="A worker that closes the channel itself, with an open server, ends with "
    "0.",
    ours="the same, by cluster.worker.process.disconnect()",
)
def test_C31_workerMayCloseTheChannel(tmp_path: Path) -> None:
    """
    Without a channel a worker ends, unplanned, and with 0.
    """
    script = run(
        """
        if cluster.isWorker:
            listen()
            reactor.callWhenRunning(cluster.worker.process.disconnect)
        else:
            worker = cluster.fork()
            worker.on("exit", lambda *how: say("exit", how=how,
                                               planned=worker.exitedAfterDisconnect))
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("exit") == {"what": "exit", "how": [0, None], "planned": False}


@row(
    "C32",
    behaviour="After disconnect a worker stays while an outgoing connection is open.",
    ours="the same, for drainTimeout at the longest",
    difference="Node waits for ever.",
)
def test_C32_outgoingConnectionKeepsAWorker(tmp_path: Path) -> None:
    """
    disconnect, then the connection's end, then exit.
    """
    script = run(
        """
        if cluster.isWorker:
            @play
            async def scene():
                client = await connect(int(os.environ["PORT"]))
                await client.heard
                cluster.worker.disconnect()
                await client.ended
                await Deferred()
        else:
            class Remote(Holder):
                def connectionMade(self):
                    super().connectionMade()
                    worker.on("disconnect", lambda: reactor.callLater(0.1, self.end))

                def end(self):
                    say("end", dead=worker.isDead())
                    self.transport.loseConnection()

            port = listen(Remote).getHost().port
            worker = cluster.fork({"PORT": str(port)})
            watch(worker, "disconnect", "exit")
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert script.kinds() == ["disconnect", "end", "exit"]
    assert script.the("end")["dead"] is False


@row(
    "C33",
    behaviour="When the primary exits its workers go.",
    ours="the same",
)
def test_C33_workersFollowThePrimary(tmp_path: Path) -> None:
    """
    A primary that leaves without a word leaves no worker.
    """
    script = run(
        """
        if cluster.isWorker:
            listen()
        else:
            worker = cluster.fork()

            @worker.on("listening")
            def leave(info):
                say("listening", port=info.port)
                os._exit(0)

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("listening")


@row(
    "C35",
    behaviour="The user's own handler of uncaught exceptions in the primary decides how"
    " it exits.",
    ours="sys.excepthook is the user's; what a listener raises is logged once and "
    "ends nothing",
    difference="Twisted logs what a callback raises, and goes on.",
)
def test_C35_listenersThatRaiseEndNothing(tmp_path: Path) -> None:
    """
    One logged failure, a cluster that goes on, and an excepthook that still counts.
    """
    script = run(
        """
        if cluster.isPrimary:
            sayFailures()
            sys.excepthook = lambda *_: os._exit(42)
            worker = cluster.fork()

            @worker.on("online")
            def raising():
                raise ValueError("wanted")

            worker.on("online", lambda: (say("next"), worker.disconnect()))
            stopWhenAlone()
        reactor.run()
        if cluster.isPrimary:
            raise RuntimeError("at the end")
        """,
        tmp_path,
        code=42,
    )
    assert script.kinds() == ["failure", "next"]
    assert script.the("failure")["kind"] == "ValueError"


@row(
    "C36",
    behaviour="In a worker a message is emitted once by process and once by "
    "cluster.worker.",
    ours="once to each listener of cluster.worker, which takes it from the channel"
    " in order",
    difference="There is one emitter: Python has no process object to put another on.",
)
def test_C36_eachListenerHearsAMessageOnce(tmp_path: Path) -> None:
    """
    Two listeners, three messages: each hears each once, in order; once hears one.
    """
    script = run(
        """
        if cluster.isWorker:
            for name in ["first", "second"]:
                cluster.worker.on("message", lambda m, *, name=name: say(name, n=m["n"]))
            cluster.worker.once("message", lambda m: say("only", n=m["n"]))
        else:
            worker = cluster.fork()

            @worker.on("online")
            def begin():
                for n in range(3):
                    worker.send({"n": n})
                worker.disconnect()

            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    for name in ["first", "second"]:
        assert [event["n"] for event in script.of(name)] == [0, 1, 2]
    assert [event["n"] for event in script.of("only")] == [0]


@row(
    "C37",
    behaviour="A message goes to a worker and back; cluster emits it with the worker "
    "first.",
    ours="the same",
)
def test_C37_messageGoesThereAndBack(tmp_path: Path) -> None:
    """
    worker hears (message, handle), cluster hears (worker, message, handle).
    """
    script = run(
        """
        if cluster.isWorker:
            cluster.worker.on("message", lambda m: cluster.worker.send({"back": m}))
        else:
            worker = cluster.fork()
            worker.on("online", lambda: worker.send({"n": 1}))
            worker.on("message", lambda *a: say("worker", message=a))

            @cluster.on("message")
            def heard(which, message, handle):
                say("cluster", same=which is worker, message=[message, handle])
                worker.disconnect()

            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    message = [{"back": {"n": 1}}, None]
    assert script.the("worker")["message"] == message
    assert script.the("cluster") == {"what": "cluster", "same": True, "message": message}


@row(
    "C39",
    behaviour="A handler of a failed listen which disconnects and throws gives one "
    "uncaught exception and no second fault.",
    ours="the same: an errback that disconnects and raises is logged once; exit 0,"
    " planned",
)
def test_C39_errbackMayDisconnectAndRaise(tmp_path: Path) -> None:
    """
    A failed listen, a disconnect and an exception: one failure, one orderly end.
    """
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        script = run(
            """
            from twisted.internet.endpoints import TCP4ServerEndpoint

            if cluster.isWorker:
                sayFailures()

                def failed(why):
                    say("failed", busy=bool(why.check(error.CannotListenError)))
                    cluster.worker.disconnect()
                    raise RuntimeError("wanted")

                endpoint = TCP4ServerEndpoint(reactor, int(sys.argv[1]),
                                              interface="127.0.0.1")
                endpoint.listen(Factory.forProtocol(Greeter)).addErrback(failed)
            else:
                worker = cluster.fork()
                worker.on("exit", lambda *how: say("exit", how=how,
                                                   planned=worker.exitedAfterDisconnect))
                stopWhenAlone()
            reactor.run()
            """,
            tmp_path,
            arguments=[str(busy.getsockname()[1])],
        )
    assert script.the("failed")["busy"] is True
    assert script.the("failure")["text"] == "wanted"
    assert script.the("exit") == {"what": "exit", "how": [0, None], "planned": True}
