"""
Where Node is known to misbehave, rows X01 to X12: connections, and lives that end.
"""

from __future__ import annotations

import os
import signal
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import Script, run
from tests.process.cluster import ask, eventually, isAlive

pytestmark = pytest.mark.process

GREET = """
if cluster.isWorker:
    listen(port=int(os.environ.get("PORT", "0")))
else:
    COUNT = int(sys.argv[1])
    def told(worker, info):
        say("listening", id=worker.id, pid=worker.process.pid, port=info.port)
    cluster.on("listening", told)
    for _ in range(COUNT):
        cluster.fork()
reactor.run()
"""


def greeting(directory: Path, workers: int) -> Script:
    """
    A primary whose workers greet with their numbers, until it is told to stop.
    """
    return Script(GREET, directory, arguments=[str(workers)])


@row(
    "X01",
    behaviour="A worker is frozen, clients connect, the worker is killed.",
    ours="another worker serves them",
    difference="what a worker has not taken is taken back from the kernel's queue",
)
def test_X01_whatADeadWorkerHasNotTakenIsServed(tmp_path: Path) -> None:
    """
    All clients that were handed to it are greeted by the other.
    """
    with greeting(tmp_path, 2) as script:
        frozen, other = script.waitFor("listening"), script.waitFor("listening", 2)
        os.kill(frozen["pid"], signal.SIGSTOP)
        where = ("127.0.0.1", frozen["port"])
        clients = [socket.create_connection(where, 5) for _ in range(10)]
        os.kill(frozen["pid"], signal.SIGKILL)
        for client in clients:
            with client:
                assert client.recv(10) == b"%d" % other["id"]
        script.process.terminate()


@row(
    "X02",
    behaviour="The last worker closes its port while connections are on their way to it.",
    ours="they are served or closed, none hangs",
    difference="a connection that comes back to a listener that is gone is closed",
)
def test_X02_whatComesTooLateIsClosed(tmp_path: Path) -> None:
    """
    The worker finds the order to close and connections together when it wakes up.
    """
    with Script(
        """
        if cluster.isWorker:
            port = listen()
            cluster.worker.on("message", lambda _: port.stopListening())
        else:
            worker = cluster.fork()

            def close(*_):
                os.kill(worker.process.pid, signal.SIGSTOP)
                worker.send("close")
                say("frozen", pid=worker.process.pid)

            signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(close))
            worker.on("listening", lambda info: say("listening", port=info.port))
        reactor.run()
        """,
        tmp_path,
    ) as script:
        where = ("127.0.0.1", script.waitFor("listening")["port"])
        script.process.send_signal(signal.SIGUSR1)
        pid = script.waitFor("frozen")["pid"]
        clients = [socket.create_connection(where, 5) for _ in range(5)]
        os.kill(pid, signal.SIGCONT)
        for client in clients:
            with client:
                assert _allOf(client) in (b"", b"1", b"reset")
        script.process.terminate()


def _allOf(client: socket.socket) -> bytes:
    client.settimeout(5)
    try:
        return b"".join(iter(lambda: client.recv(100), b""))
    except ConnectionError:
        return b"reset"


def _cpu(pids: list[int]) -> float:
    """
    What processes have run, in seconds.
    """
    return sum(
        int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9 for pid in pids
    )


@row(
    "X03",
    behaviour="All workers are at their maxConnections, and one more client comes.",
    ours="it waits in the kernel, and costs nothing, until one has room",
    difference="a credit tells the primary beforehand: nothing goes to and fro",
)
def test_X03_whoFindsAllFullWaitsForFree(tmp_path: Path) -> None:
    """
    Next to no CPU is used meanwhile; who leaves makes room for who waits.
    """
    text = GREET.replace("listen(", "listen(Holder, maxConnections=1, ")
    with Script(text, tmp_path, arguments=["2"]) as script:
        last = script.waitFor("listening", 2)
        pids = [script.pid, *(event["pid"] for event in script.of("listening"))]
        where = ("127.0.0.1", last["port"])
        first, second = (socket.create_connection(where, 5) for _ in range(2))
        assert {first.recv(1), second.recv(1)} == {b"1", b"2"}
        third = socket.create_connection(where, 5)
        before = _cpu(pids)
        third.settimeout(0.5)
        with pytest.raises(TimeoutError):
            third.recv(1)
        assert _cpu(pids) - before < 0.2
        first.close()
        third.settimeout(5)
        assert third.recv(1) in b"12"
        second.close()
        third.close()
        script.process.terminate()


@row(
    "X04",
    behaviour="All workers are stuck, and many clients come.",
    ours="the primary accepts a bounded number; the rest waits in the kernel",
    difference="who cannot hand over does not accept",
)
def test_X04_whoCannotHandOverDoesNotAccept(tmp_path: Path) -> None:
    """
    The primary holds no descriptors for them, and all are served afterwards.
    """
    with greeting(tmp_path, 2) as script:
        last = script.waitFor("listening", 2)
        pids = [event["pid"] for event in script.of("listening")]
        before = len(os.listdir(f"/proc/{script.pid}/fd"))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        where = ("127.0.0.1", last["port"])
        clients = [socket.create_connection(where, 5) for _ in range(300)]
        assert len(os.listdir(f"/proc/{script.pid}/fd")) <= before + 2
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        for client in clients:
            with client:
                client.settimeout(5)
                assert client.recv(10) in (b"1", b"2")
        script.process.terminate()


@row(
    "X05",
    behaviour="The primary is killed while a request is being served.",
    ours="the worker listens no more, serves it, and ends, at the latest after "
    "drainTimeout",
    difference="nobody's request is cut; the wait is bounded",
)
def test_X05_theOrphanFinishesAndEnds(tmp_path: Path) -> None:
    """
    Who is connected is served to the end, who does not go is cut off.
    """
    text = GREET.replace("listen(", "listen(Holder, ").replace(
        "    for _ in", "    cluster.setupPrimary(drainTimeout=1.0)\n    for _ in"
    )
    with Script(text, tmp_path, arguments=["1"]) as script:
        worker = script.waitFor("listening")
        where = ("127.0.0.1", worker["port"])
        with socket.create_connection(where, 5) as client:
            assert client.recv(1) == b"1"
            script.process.kill()
            eventually(lambda: _isRefused(where), "the port is free")
            client.sendall(b"still here?")
            assert client.recv(100) == b"still here?"
            assert client.recv(100) == b""
        eventually(lambda: not isAlive(worker["pid"]), "the worker has ended")


def _isRefused(where: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(where) != 0


@row(
    "X06",
    behaviour="cluster.disconnect() with one slow worker.",
    ours="the Deferred fires after the last worker has gone",
    difference="Node's callback comes after the first",
)
def test_X06_disconnectWaitsForTheLast(tmp_path: Path) -> None:
    """
    The one with a connection is the last, and only then it fires.
    """
    script = run(
        """
        if cluster.isWorker:
            listen(Holder)
        else:
            async def scene():
                workers = [cluster.fork() for _ in range(3)]
                infos = await gatherResults([w.when("listening") for w in workers])
                client = await connect(infos[0].port)
                await client.heard
                cluster.on("exit", lambda worker: say("exit", id=worker.id))
                gone = cluster.disconnect()
                gone.addCallback(lambda _: say("gone", left=len(cluster.workers)))
                await until(lambda: len(cluster.workers) == 1)
                say("held")
                client.transport.loseConnection()
                await gone
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.kinds() == ["exit", "exit", "held", "exit", "gone"]
    assert script.the("gone")["left"] == 0


@row(
    "X07",
    behaviour="worker.disconnect() twice.",
    ours="the second does nothing",
    difference="Node fails of the second",
)
def test_X07_disconnectTwiceIsOnce(tmp_path: Path) -> None:
    """
    On either side, and both at once: one disconnect, and an exit with 0.
    """
    script = run(
        """
        if cluster.isWorker:
            listen()
            if cluster.worker.id == 1:
                cluster.worker.disconnect().disconnect()
        else:
            for _ in range(2):
                worker = cluster.fork()
                worker.on("listening", lambda _, *, w=worker: w.disconnect().disconnect())
            watch(cluster, "disconnect")
            cluster.on("exit", lambda worker, *how:
                say("exit", how=how, planned=worker.exitedAfterDisconnect))
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert len(script.of("disconnect")) == 2
    assert [(e["how"], e["planned"]) for e in script.of("exit")] == [
        ([0, None], True)
    ] * 2


@row(
    "X08",
    behaviour="A worker with an exclusive port is disconnected.",
    ours="the port is closed too, and the worker ends",
    difference="Node does not know of such ports, and the worker never ends",
)
def test_X08_exclusivePortsAreClosedToo(tmp_path: Path) -> None:
    """
    Also with a connection, which is served to its end first.
    """
    script = run(
        """
        if cluster.isWorker:
            listen(Holder, exclusive=True)
        else:
            async def scene():
                worker = cluster.fork()
                info = await worker.when("listening")
                client = await connect(info.port)
                await client.heard
                ended = worker.disconnect().when("exit")
                await nextTurn()
                client.transport.write(b"!")
                await until(lambda: client.data == b"1!")
                client.transport.loseConnection()
                say("exit", how=await ended, port=info.port)
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("exit")["how"] == [0, None]


@row(
    "X09",
    behaviour="Two workers open two ports on 0, in different orders.",
    ours="ports with a name are the same everywhere; without, the order counts",
    difference="a name says which port is meant",
)
def test_X09_namedPortsAreNotCrossed(tmp_path: Path) -> None:
    """
    Each port is the same protocol in both workers.
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
            kinds = [A, B] if cluster.worker.id == 1 else [B, A]
            ports = {k.__name__: listen(k, name=k.__name__).getHost().port for k in kinds}
            cluster.worker.send(ports)
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
    )
    assert script.the("ports")["first"] == script.the("ports")["second"]
    for event in script.of("heard"):
        assert sorted(event["all"]) == [f"{event['name']}{n}" for n in (1, 1, 2, 2)]


@row(
    "X10",
    behaviour="A message that comes before anybody listens.",
    ours="it waits for the first listener, on either side",
    difference="Node loses it",
)
def test_X10_earlyMessagesWait(tmp_path: Path) -> None:
    """
    Sent at the fork, heard by a listener that comes later; and in order.
    """
    script = run(
        """
        if cluster.isWorker:
            heard = []
            cluster.worker.send("early")
            cluster.worker.send("late")

            @cluster.worker.answer
            def asked(question):
                # The messages were there before it.
                cluster.worker.on("message", heard.append)
                return Deferred.fromCoroutine(three())

            async def three():
                await until(lambda: len(heard) == 3)
                return heard
        else:
            async def scene():
                heard = []
                worker = cluster.fork()
                for message in [1, 2, 3]:
                    worker.send(message)
                say("worker", heard=await worker.ask("what?"))
                worker.on("message", heard.append)
                await until(lambda: len(heard) == 2)
                say("primary", heard=heard)
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("worker")["heard"] == [1, 2, 3]
    assert script.the("primary")["heard"] == ["early", "late"]


@row(
    "X11",
    behaviour="A worker blocks its event loop, and clients follow.",
    ours="those that it was handed are taken back and served by the other",
    difference="Node's followers wait for the whole block, or for two",
)
def test_X11_aBlockedWorkerTrapsNobody(tmp_path: Path) -> None:
    """
    All followers are greeted while the worker is still blocked.
    """
    text = """
    import time
    class Blocking(Greeter):
        def connectionMade(self):
            if not os.path.exists("blocked"):
                open("blocked", "w").close()
                while not os.path.exists("enough"):
                    time.sleep(0.01)
            super().connectionMade()
    """ + GREET.replace("listen(", "listen(Blocking, ").replace("\n", "\n    ")
    with Script(text, tmp_path, arguments=["2"]) as script:
        where = ("127.0.0.1", script.waitFor("listening", 2)["port"])
        first = socket.create_connection(where, 5)
        eventually((tmp_path / "blocked").exists, "a worker is blocked")
        with ThreadPoolExecutor(10) as clients:
            greeted = set(clients.map(lambda _: ask(where[1]), range(30)))
        assert len(greeted) == 1
        (tmp_path / "enough").touch()
        assert {first.recv(10)} == {b"1", b"2"} - greeted
        first.close()
        script.process.terminate()


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
