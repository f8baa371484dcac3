"""
Where Node is known to misbehave: ports, policies, workers replaced, X09, X12, X19, X20.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import Script, run
from tests.process.cluster import ask, freePort

pytestmark = pytest.mark.process


@row(
    "X09",
    behaviour="Two workers open two ports on 0, in different orders.",
    ours="ports with a name are the same everywhere; without, the order counts",
    difference="a name says which port is meant",
)
@pytest.mark.parametrize("when", ["at once", "later"])
def test_X09_namedPortsAreNotCrossed(tmp_path: Path, when: str) -> None:
    """
    Each port is the same protocol in both workers, also of ports opened while they run.
    """
    script = run(
        """
        class A(Greeter):
            def connectionMade(self):
                self.transport.write(b"A")
                super().connectionMade()

        class B(Greeter):
            def connectionMade(self):
                self.transport.write(b"B")
                super().connectionMade()

        if cluster.isWorker:
            def begin():
                kinds = [A, B] if cluster.worker.id == 1 else [B, A]
                ports = {k.__name__: listen(k, name=k.__name__) for k in kinds}
                cluster.worker.send({k: port.getHost().port for k, port in ports.items()})
            begin() if sys.argv[1] == "at once" else reactor.callWhenRunning(begin)
        else:
            async def scene():
                workers = [cluster.fork() for _ in range(2)]
                told = await gatherResults([w.when("message") for w in workers])
                say("ports", first=told[0][0], second=told[1][0])
                for name, port in told[0][0].items():
                    say("heard", name=name, all=[await fetch(port) for _ in range(4)])
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
        arguments=[when],
    )
    assert script.the("ports")["first"] == script.the("ports")["second"]
    for event in script.of("heard"):
        assert {answer[0] for answer in event["all"]} == {event["name"]}


@row(
    "X12",
    behaviour="Workers are replaced under load: the new one first, the old one first, "
    "by SIGKILL.",
    ours="nobody is refused and nobody hangs; SIGKILL cuts only what is being served",
    difference="in Node a SIGKILL leaves clients that hang",
)
def test_X12_replacingWorkersUnderLoad(tmp_path: Path) -> None:
    """
    Clients that never stop asking: every one is greeted, but for those cut by a kill.
    """
    with Script(
        """
        if cluster.isWorker:
            listen(port=int(os.environ["PORT"]))
        else:
            async def scene():
                port = 0
                async def begin():
                    nonlocal port
                    worker = cluster.fork({"PORT": str(port)})
                    port = (await worker.when("listening")).port
                    return worker
                workers = [await begin() for _ in range(2)]
                say("listening", port=port)
                await until(lambda: os.path.exists("begin"))
                for _ in range(3):  # the new one first
                    workers.append(await begin())
                    await workers.pop(0).disconnect().when("exit")
                say("new first")
                for _ in range(3):  # the old one first
                    await workers.pop(0).disconnect().when("exit")
                    workers.append(await begin())
                say("old first")
                await until(lambda: os.path.exists("kill"))
                for _ in range(3):
                    old = workers.pop(0)
                    gone = old.when("exit")
                    old.kill("SIGKILL")
                    await gone
                    workers.append(await begin())
                say("killed")
                await until(lambda: os.path.exists("end"))
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
        env={"CONFORMANCE_GUARD": "30"},
    ) as script:
        port = script.waitFor("listening")["port"]
        over, results = Event(), []

        def client(_: int) -> None:
            while not over.is_set():
                results.append(_outcome(port))

        with ThreadPoolExecutor(4) as clients:
            running = clients.map(client, range(4))
            try:
                (tmp_path / "begin").touch()
                script.waitFor("old first")
                graceful = Counter(results[:])
                (tmp_path / "kill").touch()
                script.waitFor("killed")
            finally:
                over.set()
            list(running)
        (tmp_path / "end").touch()
    assert set(graceful) == {"greeted"}
    assert set(results) <= {"greeted", "cut"}
    assert Counter(results)["cut"] <= 3 * 4


def _outcome(port: int) -> str:
    try:
        return "greeted" if ask(port) else "cut"
    except ConnectionResetError:
        return "cut"
    except TimeoutError:
        return "hung"
    except OSError as error:
        return str(error)


@row(
    "X19",
    behaviour="A worker listens twice on one fixed port.",
    ours="CannotListenError (EADDRINUSE), TCP, UDP, UNIX, whichever the policy; the "
    "first port goes on",
    difference="newer Nodes die of an assertion with SCHED_NONE, and of UDP",
)
@pytest.mark.parametrize("policy", ["round-robin", "none"])
def test_X19_theSamePortTwiceIsInUse(tmp_path: Path, policy: str) -> None:
    """
    The error can be caught, the first port serves, and can be closed and opened again.
    """
    script = run(
        """
        from twisted.internet.protocol import DatagramProtocol
        PORT = int(sys.argv[2])
        OPEN = {
            "TCP": lambda: listen(port=PORT),
            "UDP": lambda: reactor.listenUDP(PORT, DatagramProtocol()),
            "UNIX": lambda: reactor.listenUNIX("path", Factory.forProtocol(Greeter)),
        }
        if cluster.isWorker:
            async def twice():
                for kind, begin in OPEN.items():
                    first = begin()
                    try:
                        begin()
                    except error.CannotListenError as problem:
                        say("refused", kind=kind, errno=problem.socketError.errno)
                    if kind == "TCP":
                        cluster.worker.send("serving")
                        await cluster.worker.when("message")
                    await first.stopListening()
                    begin()
                    say("again", kind=kind)
                cluster.worker.send("over")
            reactor.callWhenRunning(lambda: Deferred.fromCoroutine(twice()))
        else:
            async def scene():
                cluster.schedulingPolicy = sys.argv[1]
                worker = cluster.fork()
                await worker.when("message")
                say("greeted", by=await fetch(PORT))
                over = worker.when("message")
                worker.send("go on")
                await over
                say("greeted", by=await fetch(PORT))
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
        arguments=[policy, str(freePort())],
    )
    kinds = ["TCP", "UDP", "UNIX"]
    refused = [(event["kind"], event["errno"]) for event in script.of("refused")]
    assert refused == [(kind, 98) for kind in kinds]
    assert [event["kind"] for event in script.of("again")] == kinds
    assert [event["by"] for event in script.of("greeted")] == ["1", "1"]


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


def test_X20_theEnvironmentIsCheckedToo(tmp_path: Path) -> None:
    """
    A policy in the environment that is none is an error before anybody is forked.
    """
    script = run(
        """
        from twisted_cluster.errors import PolicyArgumentError
        async def scene():
            try:
                cluster.fork()
            except PolicyArgumentError as error:
                say("refused", text=str(error), workers=list(cluster.workers))
            cluster.schedulingPolicy = cluster.SCHED_RR
            await cluster.fork().when("online")
            await cluster.disconnect()
        if cluster.isPrimary:
            play(scene)
        reactor.run()
        """,
        tmp_path,
        env={"TWISTED_CLUSTER_SCHED_POLICY": "best"},
    )
    assert script.the("refused")["text"].startswith("TWISTED_CLUSTER_SCHED_POLICY=best")
    assert script.the("refused")["workers"] == []
