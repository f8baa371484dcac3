"""
Where Node is known to misbehave: lives that end, X05 to X08, X13, X14.
"""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.conformance.greeting import GREET
from tests.conformance.rows import row
from tests.conformance.scripts import Script, run
from tests.process.cluster import eventually, isAlive

pytestmark = pytest.mark.process


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
    On either side: one disconnect, and an exit with 0.
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


def test_X07_theSecondDoesNotCutWhoIsServed(tmp_path: Path) -> None:
    """
    While a connection keeps the first waiting, a second one waits as well.
    """
    script = run(
        """
        if cluster.isWorker:
            listen(Holder)
        else:
            async def scene():
                worker = cluster.fork()
                client = await connect((await worker.when("listening")).port)
                await client.heard
                watch(worker, "disconnect")
                ended = worker.disconnect().when("exit")
                for _ in range(2):
                    client.transport.write(b"!")
                    heard = len(client.data) + 1
                    await until(lambda: len(client.data) == heard)
                    worker.disconnect()
                say("served", all=client.data.decode())
                client.transport.loseConnection()
                say("exit", how=await ended, planned=worker.exitedAfterDisconnect)
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.kinds() == ["served", "disconnect", "exit"]
    assert script.the("served")["all"] == "1!!"
    assert (script.the("exit")["how"], script.the("exit")["planned"]) == ([0, None], True)


@row(
    "X08",
    behaviour="A worker with an exclusive port is disconnected.",
    ours="the port is closed too, and the worker ends",
    difference="Node does not know of such ports, and the worker never ends",
)
@pytest.mark.parametrize("option", ["exclusive", "reusePort"])
def test_X08_exclusivePortsAreClosedToo(tmp_path: Path, option: str) -> None:
    """
    Also with a connection, which is served to its end first.
    """
    script = run(
        """
        if cluster.isWorker:
            listen(Holder, **{sys.argv[1]: True})
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
        arguments=[option],
    )
    assert script.the("exit")["how"] == [0, None]


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


def test_X13_aProgramInheritsNothing(tmp_path: Path) -> None:
    """
    What a worker starts with all its descriptors has none of the cluster's.
    """
    script = run(
        """
        import subprocess
        if cluster.isWorker:
            def look(message):
                names = "import os; print(*os.listdir('/proc/self/fd'))"
                child = subprocess.run([sys.executable, "-c", names], close_fds=False,
                    stdout=subprocess.PIPE)
                cluster.worker.send(child.stdout.decode().split())
            listen()
            cluster.worker.on("message", look)
        else:
            async def scene():
                worker = cluster.fork()
                await worker.when("listening")
                worker.send("look")
                say("inherits", all=(await worker.when("message"))[0])
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    # The fourth is the directory that is listed.
    assert sorted(script.the("inherits")["all"]) == ["0", "1", "2", "3"]


@row(
    "X14",
    behaviour="A worker cannot be started.",
    ours="error, disconnect, exit, in this order, with a negative errno as code; it is "
    "gone from workers",
    difference="there is always an exit",
)
def test_X14_whatCannotStartHasAnEnd(tmp_path: Path) -> None:
    """
    A directory that is not there; nothing is left open.
    """
    script = run(
        """
        async def scene():
            cluster.setupPrimary(cwd="nowhere")
            await cluster.fork().when("exit")
            # With what the cluster itself has open, from its first worker on.
            before = sorted(os.listdir("/proc/self/fd"))
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
    assert script.the("returned")["workers"] == [2]
    assert "No such file or directory: 'nowhere'" in script.the("error")["text"]
    ended = script.the("exit")
    assert ended["how"] == [-2, None]
    assert (ended["dead"], ended["left"], ended["pid"]) == (True, 0, None)
    assert script.the("fds")["same"]


@pytest.mark.parametrize(
    "others",
    [
        "beside another",
        "alone",
    ],
)
def test_X14_withoutDescriptorsThereIsAnEndToo(tmp_path: Path, others: str) -> None:
    """
    However few are free: each fork has one exit, and later ones succeed.
    """
    script = run(
        """
        import resource
        LIMITS = resource.getrlimit(resource.RLIMIT_NOFILE)

        def forkWith(spare):
            highest = max(map(int, os.listdir("/proc/self/fd")[:-1]))
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + spare, LIMITS[1]))
            try:
                return cluster.fork()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, LIMITS)

        async def scene():
            other = cluster.fork()
            await other.when("online")
            if sys.argv[1] == "alone":
                await other.disconnect().when("exit")
            before = len(cluster.workers)
            for spare in range(4):
                worker = forkWith(spare)
                worker.on("error", lambda failure: None)
                watch(worker, "error", "disconnect")
                worker.on("exit", lambda *how: say("exit", how=how,
                    more=len(cluster.workers) - before))
                await worker.when("exit")
            await cluster.fork().when("online")
            await cluster.disconnect()
        if cluster.isPrimary:
            play(scene)
        reactor.run()
        """,
        tmp_path,
        arguments=[others],
        env={"CONFORMANCE_GUARD": "5"},
    )
    assert script.kinds() == ["error", "disconnect", "exit"] * 4
    for event in script.of("exit"):
        assert (event["how"], event["more"]) == ([-24, None], 0)
