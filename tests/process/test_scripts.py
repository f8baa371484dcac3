"""
Scripts that fork themselves: the documentation's, and what goes wrong.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.conformance.scripts import Script, run
from tests.process.cluster import ROOT, environment, eventually, freePort, isAlive

pytestmark = pytest.mark.process
WORKER = "from twisted_cluster.worker.script import main; main()"
EXAMPLE = ROOT / "docs/examples/hello_cluster.py"


def test_theDocumentationsScript(tmp_path: Path) -> None:
    """
    C{hello_cluster.py} prints what Node's prints, serves from every worker's port, tells
    of a death, and ends all when it is told to.
    """
    port = freePort()
    with open(tmp_path / "out", "w+b") as out:
        process = subprocess.Popen(
            [sys.executable, EXAMPLE, str(port)],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment(),
            start_new_session=True,
        )

        def said(pattern: str) -> list[str]:
            return re.findall(pattern, (tmp_path / "out").read_text(), re.M)

        try:
            count = os.cpu_count() or 1
            started = r"^Worker (\d+) started$"
            eventually(lambda: len(said(started)) == count, "all workers are up")
            assert said(r"^Primary (\d+) is running$") == [str(process.pid)]
            eventually(lambda: _answer(port) == b"hello world\n", "it answers")
            pids = said(started)
            os.kill(int(pids[0]), signal.SIGKILL)
            died = r"^worker (\d+) died$"
            eventually(lambda: said(died) == pids[:1], "the death is told")
            process.terminate()
            assert process.wait(20) == 0
            assert sorted(said(died)) == sorted(pids)
            eventually(lambda: not any(isAlive(int(pid)) for pid in pids), "all gone")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    # Of the death that nobody has asked for there is a line more.
    (line,) = [line for line in said(".+") if re.search(r" \[cluster#error\] ", line)]
    assert "died of SIGKILL" in line
    assert len(said(".+")) == 2 + 2 * count


def _answer(port: int) -> bytes:
    try:
        with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
            return bytes(response.read())
    except OSError:
        return b""


def test_importingHasNoSideEffects() -> None:
    """
    No reactor, no thread, no descriptor, no child, no signal handler.
    """
    code = (
        "import os, signal, sys, threading\n"
        "before = os.listdir('/proc/self/fd'), signal.getsignal(signal.SIGCHLD)\n"
        "from twisted_cluster import cluster\n"
        "assert cluster.isPrimary and not cluster.isWorker\n"
        "assert cluster.settings == {} and cluster.workers == {}\n"
        "assert 'twisted.internet.reactor' not in sys.modules\n"
        "assert before == (os.listdir('/proc/self/fd'),"
        " signal.getsignal(signal.SIGCHLD))\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], env=environment(), check=True, timeout=20
    )


@pytest.mark.parametrize("value", ["5", '{"slot": 1, "id": 7}', "{}", ""])
def test_aVariableMakesNoWorker(tmp_path: Path, value: str) -> None:
    """
    Whoever sets the workers' variable by hand has a primary, whose workers are real.
    """
    script = run(
        """
        if cluster.isPrimary:
            worker = cluster.fork()
            @worker.on("message")
            def told(id):
                say("id", id=id)
                worker.disconnect()
            stopWhenAlone()
        else:
            cluster.worker.send(cluster.worker.id)
        reactor.run()
        """,
        tmp_path,
        env={"TWISTED_CLUSTER_WORKER": value},
    )
    assert script.the("id")["id"] == 1


@pytest.mark.parametrize("value", ["5", '{"slot": 1, "first": 0}', '{"slot": 1}'])
def test_aWorkerWithoutAPrimarySaysSo(value: str) -> None:
    """
    A worker that nobody has started ends at once, in one line; what is open at the
    numbers of its wires is left alone.
    """
    done = subprocess.run(
        [sys.executable, "-c", WORKER, "script.py"],
        env=environment({"TWISTED_CLUSTER_WORKER": value}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1
    assert "the cluster reactor runs in workers only" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_thePrimarysCallsAreRefusedInAWorker(tmp_path: Path) -> None:
    """
    Each with what it is, and for whom.
    """
    script = run(
        """
        from twisted_cluster.errors import NotPrimaryError
        if cluster.isWorker:
            for call in [cluster.fork, cluster.setupPrimary, cluster.disconnect,
                         lambda: cluster.answer(print), lambda: cluster.schedulingPolicy,
                         lambda: setattr(cluster, "schedulingPolicy", "none")]:
                try:
                    call()
                except NotPrimaryError as error:
                    say("refused", text=str(error))
            cluster.worker.disconnect()
        else:
            cluster.fork()
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert len(script.of("refused")) == 6
    for event in script.of("refused"):
        assert "is the primary's: this process is worker 1" in event["text"]


def test_aModuleForksItself(tmp_path: Path) -> None:
    """
    What C{python -m} runs, its workers run the same way, with the same options of the
    interpreter.
    """
    script = run(
        """
        if cluster.isPrimary:
            cluster.fork().on("message", lambda message: say("worker", **message))
            stopWhenAlone()
        else:
            cluster.worker.send({"name": __spec__.name if __spec__ else None,
                "argv": sys.argv[1:], "optimize": sys.flags.optimize,
                "main": sys.modules["__main__"].__dict__ is globals()})
            cluster.worker.disconnect()
        reactor.run()
        """,
        tmp_path,
        arguments=["a b"],
        name="module.py",
        python=[sys.executable, "-O", "-c", "import runpy, sys; sys.argv.pop(0); "
                "sys.path[0] = '.'; sys.modules['__main__'].__spec__ = "
                "__import__('importlib.util').util.find_spec('module'); "
                "exec(compile(open('module.py').read(), 'module.py', 'exec'))"],
    )  # fmt: skip
    told = script.the("worker")
    assert told["name"] == "module"
    assert told["argv"] == ["a b"]
    assert told["optimize"] == 1
    assert told["main"]


def test_aKilledPrimaryLeavesNoWorker(tmp_path: Path) -> None:
    """
    Its workers notice, finish, and end with 0, whatever the script says after that.
    """
    with Script(
        """
        if cluster.isPrimary:
            worker = cluster.fork()
            worker.on("message", lambda message: say("worker", pid=worker.process.pid))
        else:
            cluster.worker.on("disconnect", lambda: say("disconnect"))
            cluster.worker.send("up")
        reactor.run()
        say("after")
        """,
        tmp_path,
    ) as script:
        pid = script.waitFor("worker")["pid"]
        script.process.send_signal(signal.SIGKILL)
        eventually(lambda: script.kinds("worker") == ["disconnect", "after"], "its end")
        eventually(lambda: not isAlive(pid), "the worker has ended")


def test_withoutAScriptNobodyForks() -> None:
    """
    From C{python -c} there is nothing to run again, and the error says what to do.
    """
    done = subprocess.run(
        [sys.executable, "-c", "from twisted_cluster import cluster; cluster.fork()"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.stderr.splitlines()[-1] == (
        "twisted_cluster.errors.SettingsError: there is no script that workers could "
        "run: setupPrimary(exec='script.py')"
    )


def test_aBadPolicyInTheEnvironmentLeavesNothingBehind(tmp_path: Path) -> None:
    """
    C{fork} raises, and there is no worker, not even half of one.
    """
    script = run(
        """
        from twisted_cluster.errors import PolicyArgumentError
        try:
            cluster.fork()
        except PolicyArgumentError as error:
            say("refused", text=str(error), workers=len(cluster.workers))
        """,
        tmp_path,
        env={"TWISTED_CLUSTER_SCHED_POLICY": "best"},
    )
    assert script.the("refused")["workers"] == 0
    assert "TWISTED_CLUSTER_SCHED_POLICY=best" in script.the("refused")["text"]


def test_whatCannotBeStartedIsToldToWhoeverListens(tmp_path: Path) -> None:
    """
    The worker's listener, and the cluster's.
    """
    script = run(
        """
        async def scene():
            cluster.setupPrimary(cwd="nowhere")
            cluster.on("error", lambda worker, failure: say("cluster", id=worker.id))
            worker = cluster.fork()
            worker.on("error", lambda failure: say("worker"))
            await worker.when("exit")
            await cluster.fork().when("exit")
        play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.kinds() == ["worker", "cluster", "cluster"]


def test_aSignalWithoutANameEndsAWorkerToo(tmp_path: Path) -> None:
    """
    A real-time signal: told by its number, and the primary can end.
    """
    script = run(
        """
        if cluster.isPrimary:
            worker = cluster.fork()
            worker.on("online", lambda: os.kill(worker.process.pid, 40))
            cluster.on("exit", lambda worker, *how: say("exit", how=how))
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("exit")["how"] == [None, "SIG40"]


@pytest.mark.parametrize("change", ["sys.stdout.close()", "sys.stdout = None"])
def test_aWorkerWithoutStandardOutputEndsByItsSignal(tmp_path: Path, change: str) -> None:
    """
    Nothing is left there to be written.
    """
    script = run(
        f"""
        if cluster.isPrimary:
            cluster.fork().on("message", lambda message: next(iter(
                cluster.workers.values())).kill("SIGTERM"))
            cluster.on("exit", lambda worker, *how: say("exit", how=how))
            stopWhenAlone()
        else:
            import sys
            {change}
            reactor.callWhenRunning(cluster.worker.send, "done")
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("exit")["how"] == [None, "SIGTERM"]


def test_settingsThatAreTakenAwayAreThoseAtFirst(tmp_path: Path) -> None:
    """
    All of them None: a worker starts, and ends with grace.
    """
    script = run(
        """
        if cluster.isPrimary:
            from twisted_cluster.api.settings import SETTING_KINDS
            given = {name: None for name in SETTING_KINDS if name not in ("exec", "args")}
            cluster.setupPrimary(**given)
            worker = cluster.fork()
            worker.on("online", worker.disconnect)
            cluster.on("exit", lambda worker, *how: say("exit", how=how))
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("exit")["how"] == [0, None]


@pytest.mark.parametrize(
    "bad",
    [
        'reactor.listenTCP(0, factory, interface="a..b")',
        "reactor.listenTCP(0, factory, 2**40)",
        'reactor.listenUNIX("m.sock", factory, mode=2**40)',
        'reactor.listenUNIX("x" * 200, factory)',
    ],
)
def test_aListenThatCannotBeHarmsNoOther(tmp_path: Path, bad: str) -> None:
    """
    Whatever is wrong with it: an error in the worker, at once, and the next listen works.
    """
    script = run(
        f"BAD = lambda factory: {bad}\n"
        + """
if cluster.isPrimary:
    async def scene():
        worker = cluster.fork()
        say("served", by=await fetch((await worker.when("listening")).port))
        await cluster.disconnect()
    play(scene)
else:
    try:
        BAD(Factory.forProtocol(Greeter))
    except error.CannotListenError as problem:
        say("refused", text=str(problem))
    listen()
reactor.run()
""",
        tmp_path,
    )
    script.the("refused")
    assert script.the("served")["by"] == "1"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_aSecondSignalEndsTheDrain(tmp_path: Path, number: int) -> None:
    """
    The first lets workers finish; the second does not wait for them.
    """
    with Script(
        """
        if cluster.isPrimary:
            async def scene():
                info = await cluster.fork().when("listening")
                client = await connect(info.port)
                await client.heard
                say("connected")
                await client.ended
                await Deferred()
            play(scene)
        else:
            listen(Holder)
            cluster.worker.on("disconnect", lambda: None)
        reactor.addSystemEventTrigger("before", "shutdown", say, "stops")
        reactor.run()
        """,
        tmp_path,
    ) as script:
        script.waitFor("connected")
        os.killpg(script.pid, number) if number == signal.SIGINT else (
            script.process.send_signal(number)
        )
        script.waitFor("stops")

        def isEnded() -> bool:
            script.process.send_signal(number)
            return script.process.poll() is not None

        # What comes at once is taken for the same.
        eventually(isEnded, "a second signal that counts", 5.0)
        assert "ReactorNotRunning" not in script.story()


def test_controlCWhileWorkersStartIsQuiet(tmp_path: Path) -> None:
    """
    They do not hear it before they know what it means.
    """
    with Script(
        """
        if cluster.isPrimary:
            for _ in range(2):
                cluster.fork()
            reactor.callWhenRunning(say, "runs")
        reactor.run()
        """,
        tmp_path,
    ) as script:
        script.waitFor("runs")
        os.killpg(script.pid, signal.SIGINT)
        script.wait()
        assert "Traceback" not in script.story()


DYING = """
import signal
from twisted.logger import globalLogBeginner, textFileLogObserver

CODES = [0, 3, 4]


def gone(worker, code, signal):
    say("exit", code=code)
    if code == 3 and "begin" in sys.argv:
        log = textFileLogObserver(open("log", "w"))
        globalLogBeginner.beginLoggingTo([log], redirectStandardIO=False)
    if CODES:
        cluster.fork({"CODE": str(CODES.pop(0))})
    else:
        reactor.stop()


if cluster.isPrimary:
    cluster.on("exit", gone)
    cluster.fork({"CODE": str(CODES.pop(0))})
    reactor.run()
else:
    os._exit(int(os.environ["CODE"]))
"""


@pytest.mark.parametrize("begins", [False, True])
def test_deathsAreSaid(tmp_path: Path, begins: bool) -> None:
    """
    On standard error, one line each; as soon as the script has a log, only there. Who
    ends with 0 is done.
    """
    script = run(DYING, tmp_path, arguments=["begin"] * begins)
    assert [one["code"] for one in script.of("exit")] == [0, 3, 4]
    lines = script.errors.splitlines()
    said = [re.findall(r" \[cluster#error\] .* exited with (\d) ", one) for one in lines]
    if not begins:
        assert said == [["3"], ["4"]]
        return
    assert said == [["3"]]
    logged = (tmp_path / "log").read_text()
    assert re.findall(r"exited with (\d) ", logged) == ["3", "4"]


def test_aPrimaryWithoutSignalHandlers(tmp_path: Path) -> None:
    """
    It sees its workers end all the same: some loops keep that signal to themselves.
    """
    script = run(
        """
        if cluster.isPrimary:
            worker = cluster.fork()
            worker.on("online", lambda: worker.process.kill("SIGKILL"))
            worker.on("exit", lambda code, signal: say("exit", signal=signal))
            stopWhenAlone()
        reactor.run(installSignalHandlers=cluster.isWorker)
        """,
        tmp_path,
    )
    assert script.the("exit")["signal"] == "SIGKILL"
