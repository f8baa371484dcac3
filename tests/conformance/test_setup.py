"""
Setting up, forking, settings: section 2a of the catalogue.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import run

pytestmark = pytest.mark.process


@row(
    "C01",
    behaviour="fork, online, listening, disconnect and exit come once each, with the "
    "worker and the state that belongs to them; info has four keys; the first"
    " id is 1.",
    ours="the same, in this order; nothing of a worker's role is in the environment",
)
def test_C01_eachEventComesOnce(tmp_path: Path) -> None:
    """
    A worker's life is told in order, with its state, and by both emitters.
    """
    script = run(
        """
        import attrs

        say("role", inside=cluster.isWorker, id=cluster.worker and cluster.worker.id,
            env=[name for name in os.environ if "CLUSTER" in name])
        if cluster.isWorker:
            listen()
        else:
            names = ["fork", "online", "listening", "disconnect", "exit"]
            worker = cluster.fork()
            watch(cluster, *names, state=lambda: worker.state)
            for name in names:
                cluster.on(name, lambda which: which is worker or say("another"))
            sizes = {}
            worker.on("online", lambda *a: sizes.update(online=len(a)))
            worker.on("listening", lambda *a: sizes.update(listening=len(a)))
            worker.on("disconnect", lambda *a: sizes.update(disconnect=len(a)))
            worker.on("exit", lambda *a: sizes.update(exit=len(a)))

            @worker.on("listening")
            def heard(info):
                keys = [field.name for field in attrs.fields(type(info))]
                say("info", keys=keys, host=info.address, kind=info.addressType)
                say("where", port=info.port)
                worker.kill()

            stopWhenAlone()
        reactor.run()
        if cluster.isPrimary:
            say("sizes", **sizes)
        """,
        tmp_path,
    )
    life = [
        (event["what"], event["state"]) for event in script.events if "state" in event
    ]
    assert life == [
        ("fork", "none"),
        ("online", "online"),
        ("listening", "listening"),
        ("disconnect", "disconnected"),
        ("exit", "dead"),
    ]
    assert not script.of("another")
    info = script.the("info")
    assert set(info["keys"]) == {"address", "port", "addressType", "fd"}
    assert (info["host"], info["kind"]) == ("127.0.0.1", 4)
    sizes = {"online": 0, "listening": 1, "disconnect": 0, "exit": 2}
    assert {name: script.the("sizes")[name] for name in sizes} == sizes
    assert [(e["inside"], e["id"], e["env"]) for e in script.of("role")] == [
        (False, None, []),
        (True, 1, []),
    ]


@row(
    "C02",
    behaviour="args and silent hold for every worker forked afterwards.",
    ours="the same; the script is __main__ there, with its own folder first in sys.path",
)
def test_C02_settingsHoldForWorkers(tmp_path: Path) -> None:
    """
    Arguments arrive, and what a silent worker prints does not come out.
    """
    script = run(
        """
        if cluster.isWorker:
            print("noise", flush=True)
            folder = os.path.dirname(os.path.abspath(__file__))
            here = os.path.samefile(sys.path[0], folder)
            cluster.worker.send([sys.argv[1:], __name__, here])
        else:
            watch(cluster, "setup")
            cluster.setupPrimary(args=["one", "two"], silent=True)

            @cluster.on("message")
            def heard(worker, message):
                say("got", message=message)
                worker.disconnect()

            for _ in range(2):
                cluster.fork()
            say("settings", args=cluster.settings["args"])
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    got = [event["message"] for event in script.of("got")]
    assert got == [[["one", "two"], "__main__", True]] * 2
    assert len(script.of("setup")) == 3
    assert script.the("settings")["args"] == ["one", "two"]
    assert "noise" not in script.output


@row(
    "C03",
    behaviour="The default args are read when setupPrimary is called, not at import.",
    ours="the same",
)
def test_C03_argumentsAreReadLate(tmp_path: Path) -> None:
    """
    An argument added to sys.argv before the set-up is in args.
    """
    script = run(
        """
        sys.argv.append("late")
        cluster.setupPrimary()
        say("args", args=cluster.settings["args"])
        """,
        tmp_path,
        arguments=["early"],
    )
    assert script.the("args")["args"] == ["early", "late"]


@row(
    "C04",
    behaviour="Settings are empty at first, then defaults; later calls merge, undefined"
    " overrides away, and a call without options changes nothing.",
    ours="the same, None in the place of undefined; each call makes a new dict",
)
def test_C04_settingsAreCumulative(tmp_path: Path) -> None:
    """
    Each set-up adds to what the earlier ones said.
    """
    script = run(
        """
        say("first", settings=cluster.settings)
        cluster.setupPrimary()
        before = cluster.settings
        say("defaults", same=os.path.samefile(before["exec"], sys.argv[0]),
            args=before["args"], silent=before["silent"])
        cluster.setupPrimary(exec="other.py")
        cluster.setupPrimary(args=["a"], cwd="/")
        cluster.setupPrimary()
        now = cluster.settings
        say("merged", exec=now["exec"], args=now["args"], silent=now["silent"],
            cwd=now["cwd"], replaced=now is not before)
        cluster.setupPrimary(cwd=None)
        say("away", cwd=cluster.settings.get("cwd"))
        """,
        tmp_path,
    )
    assert script.events == [
        {"what": "first", "settings": {}},
        {"what": "defaults", "same": True, "args": [], "silent": False},
        {
            "what": "merged",
            "exec": "other.py",
            "args": ["a"],
            "silent": False,
            "cwd": "/",
            "replaced": True,
        },
        {"what": "away", "cwd": None},
    ]


@row(
    "C05",
    behaviour="setup is emitted later than setupPrimary returns, with the merged "
    "settings.",
    ours="the same: in the next turn of the reactor",
)
def test_C05_setupIsEmittedLater(tmp_path: Path) -> None:
    """
    The event comes after the call, with what the call made.
    """
    script = run(
        """
        @play
        async def scene():
            heard = cluster.when("setup")
            cluster.setupPrimary(silent=True)
            say("returned", called=heard.called)
            settings = await heard
            say("heard", silent=settings["silent"], whole="exec" in settings)

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("returned")["called"] is False
    assert script.the("heard") == {"what": "heard", "silent": True, "whole": True}


@row(
    "C06",
    behaviour="One setup event for each call, each with its own settings.",
    ours="the same",
)
def test_C06_eachSetupIsTold(tmp_path: Path) -> None:
    """
    Three calls, three events, none with another's settings.
    """
    script = run(
        """
        cluster.on("setup", lambda settings: say("setup", exec=settings["exec"]))

        @play
        async def scene():
            for name in ["a", "b", "c"]:
                cluster.setupPrimary(exec=name)
            await nextTurn()
            await nextTurn()

        reactor.run()
        """,
        tmp_path,
    )
    assert [event["exec"] for event in script.of("setup")] == ["a", "b", "c"]


@row(
    "C07",
    behaviour="A worker inherits the working directory; cwd holds for later forks only.",
    ours="the same, also when the script was started by a relative path",
)
def test_C07_cwdHoldsForLaterForks(tmp_path: Path) -> None:
    """
    Only the worker forked after the set-up is in the other directory.
    """
    (tmp_path / "sub").mkdir()
    script = run(
        """
        if cluster.isWorker:
            cluster.worker.send(os.getcwd())
            cluster.worker.disconnect()
        else:
            cluster.on("message", lambda worker, cwd: say("in", id=worker.id, cwd=cwd))
            cluster.fork()
            cluster.setupPrimary(cwd=os.path.abspath("sub"))
            cluster.fork()
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    where = {event["id"]: Path(event["cwd"]) for event in script.of("in")}
    assert where == {1: tmp_path.resolve(), 2: (tmp_path / "sub").resolve()}


@row(
    "C08",
    behaviour="fork's environment adds to the primary's and overrides it; send returns "
    "true.",
    ours="the same environment; send gives a Deferred that fires",
    difference="A Deferred tells when the message was taken; true tells only that it may"
    " be.",
)
def test_C08_forkTakesAnEnvironment(tmp_path: Path) -> None:
    """
    What the worker finds in its environment is the primary's and fork's.
    """
    script = run(
        """
        if cluster.isWorker:
            names = ["KEPT", "OVER", "ADDED"]
            sent = cluster.worker.send([os.environ.get(name) for name in names])
            sent.addCallback(lambda _: say("sent"))
            sent.addCallback(lambda _: cluster.worker.disconnect())
        else:
            os.environ.update(KEPT="kept", OVER="old")
            cluster.on("message", lambda worker, found: say("found", env=found))
            cluster.fork({"OVER": "new", "ADDED": "added"})
            say("own", added="ADDED" in os.environ)
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("found")["env"] == ["kept", "new", "added"]
    assert script.the("own")["added"] is False
    assert script.of("sent")


@row(
    "C09",
    behaviour="A fifth entry 'pipe' of stdio goes both ways while messages do.",
    ours="the same, descriptor 4 of the worker being process.stdio[4] of the primary",
)
def test_C09_extraPipeGoesBothWays(tmp_path: Path) -> None:
    """
    Bytes go to and fro over a pipe of the user's, and messages beside it.
    """
    script = run(
        """
        if cluster.isWorker:
            heard = os.read(4, 100)
            os.write(4, b"back: " + heard)
            cluster.worker.send("beside")
        else:
            cluster.setupPrimary(stdio=["inherit", "inherit", "inherit", "ipc", "pipe"])

            @play
            async def scene():
                worker = cluster.fork()
                pipe = worker.process.stdio[4]
                data, message = [], worker.when("message")
                pipe.on("data", data.append)
                pipe.write(b"there")
                await message
                await until(lambda: b"".join(data) == b"back: there")
                worker.disconnect()
                await worker.when("exit")
                say("both")

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("both")


@row(
    "C11",
    behaviour="With the codec 'advanced', also when assigned to settings directly, a "
    "cyclic object and a Set survive.",
    ours="the same; sets, bytes, datetimes and cycles survive",
    difference="The codec is made for Python's types; neither reads the other's.",
)
def test_C11_advancedCodecKeepsWhatJsonCannot(tmp_path: Path) -> None:
    """
    A message with a cycle, a set, bytes and a datetime comes back as it was.
    """
    script = run(
        """
        from datetime import datetime, timezone

        if cluster.isWorker:
            @cluster.worker.on("message")
            def echo(message):
                cluster.worker.send(message)
        else:
            cluster.settings["serialization"] = "advanced"

            @play
            async def scene():
                worker = cluster.fork()
                then = datetime(2026, 1, 2, tzinfo=timezone.utc)
                message = {"set": {1, 2}, "bytes": bytes([0, 255]), "then": then}
                message["self"] = message
                worker.send(message)
                heard = await worker.when("message")
                back = heard[0] if isinstance(heard, tuple) else heard
                say("back", cycle=back["self"] is back, set=back["set"] == {1, 2},
                    bytes=back["bytes"] == bytes([0, 255]), then=back["then"] == then)
                worker.disconnect()
                await worker.when("exit")

        reactor.run()
        """,
        tmp_path,
    )
    back = script.the("back")
    assert (back["cycle"], back["set"], back["bytes"], back["then"]) == (True,) * 4


@row(
    "C12",
    behaviour="A bare Worker has neutral defaults.",
    ours="the same: id 0, state none, exitedAfterDisconnect None; it can do nothing",
    difference="It is not connected, and its send fails: it has no process.",
)
def test_C12_bareWorkerIsNeutral(tmp_path: Path) -> None:
    """
    A Worker that nobody forked has no history; nor has one just forked.
    """
    script = run(
        """
        def tell(name, worker):
            say(name, id=worker.id, state=worker.state, dead=worker.isDead(),
                planned=worker.exitedAfterDisconnect, pid=bool(worker.process.pid),
                code=worker.process.exitCode, signal=worker.process.signalCode,
                connected=worker.isConnected())

        @play
        async def scene():
            tell("bare", cluster.Worker())
            worker = cluster.fork()
            tell("new", worker)
            say("known", known=cluster.workers[1] is worker)
            cluster.Worker().send("x").addErrback(lambda why: say(why.type.__name__))
            cluster.Worker().disconnect().kill()
            worker.process.kill("SIGKILL")
            await worker.when("exit")

        reactor.run()
        """,
        tmp_path,
    )
    neutral = {
        "state": "none",
        "dead": False,
        "planned": None,
        "code": None,
        "signal": None,
    }
    bare = {"what": "bare", "id": 0, "pid": False, "connected": False}
    new = {"what": "new", "id": 1, "pid": True, "connected": True}
    assert script.the("bare") == {**bare, **neutral}
    assert script.the("new") == {**new, **neutral}
    assert script.the("known")["known"] is True
    assert script.of("ChannelClosedError")


@row(
    "C13",
    behaviour="A message sent on online reaches cluster.worker; disconnect returns "
    "itself.",
    ours="the same",
)
def test_C13_messageOnOnlineArrives(tmp_path: Path) -> None:
    """
    What is sent at the first possible moment is heard and answered.
    """
    script = run(
        """
        if cluster.isWorker:
            cluster.worker.on("message", lambda m: cluster.worker.send("got " + m))
        else:
            worker = cluster.fork()
            worker.on("online", lambda: worker.send("hello"))

            @worker.on("message")
            def heard(message):
                say("heard", message=message, same=worker.disconnect() is worker)

            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("heard") == {"what": "heard", "message": "got hello", "same": True}


@row(
    "C14",
    behaviour="execArgv reaches the worker's interpreter; a module preloaded by it "
    "knows which worker it is in.",
    ours="interpreter options reach it; any module the script imports knows its worker",
    difference="Python has no option that preloads a module.",
)
def test_C14_interpreterOptionsReachTheWorker(tmp_path: Path) -> None:
    """
    A module beside the script can end a worker, with a code that tells its number.
    """
    (tmp_path / "beside.py").write_text(
        "import sys\n"
        "from twisted_cluster import cluster\n"
        "if cluster.isWorker:\n"
        "    sys.exit(42 + cluster.worker.id + 100 * sys.flags.optimize)\n"
    )
    script = run(
        """
        import beside

        cluster.setupPrimary(execArgv=["-O"])
        cluster.on("exit", lambda worker, code, signal: say("exit", code=code))
        cluster.fork()
        stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("exit")["code"] == 143


@row(
    "C15",
    behaviour="The start of a worker is announced on a diagnostics channel.",
    ours="a log event tells its number and pid",
    difference="Twisted's log is where such things are told.",
)
def test_C15_startIsLogged(tmp_path: Path) -> None:
    """
    By the time a worker is online, the log has its pid.
    """
    script = run(
        """
        from twisted.logger import formatEvent, globalLogPublisher

        if cluster.isPrimary:
            lines = []
            globalLogPublisher.addObserver(lambda event: lines.append(formatEvent(event)))
            worker = cluster.fork()

            @worker.on("online")
            def look():
                pid = str(worker.process.pid)
                say("logged", lines=[line for line in lines if pid in line])
                worker.disconnect()

            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("logged")["lines"]
