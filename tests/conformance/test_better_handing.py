"""
Where Node is known to misbehave: connections nobody takes, X01 to X04, X11, X15, X16.
"""

from __future__ import annotations

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.greeting import GREET, greeting, heardBy
from tests.conformance.rows import row
from tests.conformance.scripts import Script, run
from tests.process.cluster import ask, eventually, freePort

pytestmark = pytest.mark.process


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
            assert heardBy(client) in (b"", b"1")
        script.process.terminate()


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
        assert third.recv(1) in (b"1", b"2")
        second.close()
        third.close()
        script.process.terminate()


def _cpu(pids: list[int]) -> float:
    """
    What processes have run, in seconds.
    """
    return sum(
        int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9 for pid in pids
    )


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
        assert _backlog(last["port"]) > 200
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        for client in clients:
            with client:
                client.settimeout(5)
                assert client.recv(10) in (b"1", b"2")
        script.process.terminate()


def _backlog(port: int) -> int:
    """
    How many connections wait in the kernel for a listener to accept them, at all of its
    sockets.
    """
    here = f"0100007F:{port:04X}"
    fields = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    there = [one for one in fields if one[1] == here and one[3] == "0A"]
    assert there, f"nobody listens on {port}"
    return sum(int(one[4].split(":")[1], 16) for one in there)


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


@pytest.mark.parametrize("choice", ["close", "keep"])
def test_X16_whoQueuesIsNotForgotten(tmp_path: Path, choice: str) -> None:
    """
    The only worker is frozen, clients queue, it is killed: they are closed, or with
    keepListening served by the next. None hangs.
    """
    with Script(
        """
        if cluster.isWorker:
            listen(port=int(os.environ.get("PORT", 0)))
        else:
            async def scene():
                keep = sys.argv[1] == "keep"
                cluster.setupPrimary(keepListening=keep)
                worker = cluster.fork()
                port = (await worker.when("listening")).port
                say("listening", pid=worker.process.pid, port=port)
                await worker.when("exit")
                if keep:
                    await cluster.fork({"PORT": str(port)}).when("listening")
                say("gone")
                await until(lambda: os.path.exists("end"))
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
        arguments=[choice],
    ) as script:
        worker = script.waitFor("listening")
        os.kill(worker["pid"], signal.SIGSTOP)
        where = ("127.0.0.1", worker["port"])
        clients = [socket.create_connection(where, 5) for _ in range(50)]
        os.kill(worker["pid"], signal.SIGKILL)
        script.waitFor("gone")
        heard = [heardBy(client) for client in clients]
        assert heard == [b"2" if choice == "keep" else b""] * 50
        (tmp_path / "end").touch()
