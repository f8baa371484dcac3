"""
Disconnecting: section 2c of the catalogue.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import Script, run
from tests.process.cluster import eventually

pytestmark = pytest.mark.process


@contextmanager
def busyPort() -> Iterator[str]:
    """
    A port which somebody else listens on.
    """
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        yield str(busy.getsockname()[1])


@row(
    "C45",
    behaviour="Workers that listen on port 0 twice share two ports, both answer, and "
    "the cluster disconnects; and again in the same primary.",
    ours="the same, before the reactor runs; disconnect() fires when the last "
    "worker has gone and the ports are closed",
    difference="Node calls back when the first worker has gone (X06).",
)
def test_C45_twoPortsAreSharedAndClosed(tmp_path: Path) -> None:
    """
    Four workers, then two: two ports, answers from both, and nobody left.
    """
    script = run(
        """
        from collections import Counter

        if cluster.isWorker:
            for name in [b"a", b"b"]:
                class Say(Greeter):
                    name = name

                    def connectionMade(self):
                        self.transport.write(self.name)
                        self.transport.loseConnection()

                listen(Say)
        else:
            async def cycle(size):
                ports = Counter()
                cluster.on("listening", lambda worker, info: ports.update([info.port]))
                workers = [cluster.fork() for _ in range(size)]
                await until(lambda: sum(ports.values()) == 2 * size)
                answers = [await fetch(port) for port in ports]
                await cluster.disconnect()
                dead = [worker.isDead() for worker in workers]
                say("cycle", shares=sorted(ports.values()), answers=sorted(answers),
                    dead=dead, left=list(cluster.workers))
                for port in ports:
                    say("port", port=port)

            @play
            async def scene():
                await cycle(4)
                await cycle(2)

        reactor.run()
        """,
        tmp_path,
    )
    cycles = script.of("cycle")
    assert len(cycles) == 2
    for cycle, size in zip(cycles, [4, 2]):
        assert cycle["answers"] == ["a", "b"]
        assert cycle["shares"] == [size, size]
        assert cycle["dead"] == [True] * size
        assert cycle["left"] == []


@row(
    "C46",
    behaviour="Without workers the callback of disconnect comes, and never at once.",
    ours="the same: the Deferred has not fired on return",
)
def test_C46_disconnectWithoutWorkersFiresLater(tmp_path: Path) -> None:
    """
    Nobody to wait for, and yet not at once.
    """
    script = run(
        """
        @play
        async def scene():
            done = cluster.disconnect()
            say("returned", called=done.called)
            say("fired", result=await done)

        reactor.run()
        """,
        tmp_path,
    )
    assert script.events == [
        {"what": "returned", "called": False},
        {"what": "fired", "result": None},
    ]


@row(
    "C47",
    behaviour="Idle workers disconnect; the callback sees no workers; fork works "
    "unbound.",
    ours="the same",
)
def test_C47_idleWorkersDisconnect(tmp_path: Path) -> None:
    """
    Workers which serve nothing end with 0 when told to.
    """
    script = run(
        """
        if cluster.isPrimary:
            @play
            async def scene():
                fork = cluster.fork
                workers = [cluster.fork(), fork()]
                await gatherResults([worker.when("online") for worker in workers])
                await cluster.disconnect()
                say("gone", left=list(cluster.workers),
                    codes=[worker.process.exitCode for worker in workers])

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("gone") == {"what": "gone", "left": [], "codes": [0, 0]}


@row(
    "C49",
    behaviour="A worker's own disconnect waits until the primary knows that it is "
    "planned.",
    ours="the same",
)
def test_C49_primaryKnowsBeforeTheChannelCloses(tmp_path: Path) -> None:
    """
    At disconnect both sides have exitedAfterDisconnect true.
    """
    script = run(
        """
        if cluster.isWorker:
            worker = cluster.worker
            reactor.callWhenRunning(worker.disconnect)
        else:
            worker = cluster.fork()
            stopWhenAlone()
        watch(worker, "disconnect", planned=lambda: worker.exitedAfterDisconnect)
        reactor.run()
        """,
        tmp_path,
    )
    assert [event["planned"] for event in script.of("disconnect")] == [True, True]


@row(
    "C50",
    behaviour="Policy none: a worker disconnected right after fork, while it starts to "
    "listen, ends properly.",
    ours="the same: exit 0, planned, nothing left",
)
def test_C50_disconnectRacesAnEarlyListen(tmp_path: Path) -> None:
    """
    A listen that comes after the disconnect does not keep the worker.
    """
    script = run(
        """
        if cluster.isWorker:
            listen()
        else:
            cluster.schedulingPolicy = cluster.SCHED_NONE
            worker = cluster.fork()
            worker.disconnect()
            worker.on("exit", lambda *how: say("exit", how=how,
                                               planned=worker.exitedAfterDisconnect))
            stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("exit") == {"what": "exit", "how": [0, None], "planned": True}


@row(
    "C51",
    behaviour="Policy none: two workers disconnected at the same time both end with 0.",
    ours="the same",
)
def test_C51_overlappingDisconnects(tmp_path: Path) -> None:
    """
    Neither of two disconnects disturbs the other.
    """
    script = run(
        """
        if cluster.isWorker:
            listen()
        else:
            cluster.schedulingPolicy = cluster.SCHED_NONE

            @play
            async def scene():
                workers = [cluster.fork(), cluster.fork()]
                await gatherResults([worker.when("listening") for worker in workers])
                exits = [worker.when("exit") for worker in workers]
                for worker in workers:
                    worker.disconnect()
                say("exits", how=await gatherResults(exits))

        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("exits")["how"] == [[0, None], [0, None]]


UNSHARED = """
    from twisted.internet.protocol import DatagramProtocol

    if cluster.isWorker and "SERVES" in os.environ:
        {listen}
    elif cluster.isPrimary:
        cluster.schedulingPolicy = cluster.SCHED_NONE

        @play
        async def scene():
            serving = cluster.fork({{"SERVES": "yes"}})
            await serving.when("listening")
            idle = cluster.fork()
            await idle.when("online")
            idle.disconnect()
            say("idle", how=await idle.when("exit"), other=serving.isConnected())
            serving.disconnect()
            say("serving", how=await serving.when("exit"))

    reactor.run()
    """


@row(
    "C52",
    behaviour="Policy none: a worker without a port disconnects while another has one.",
    ours="the same",
)
def test_C52_workerWithoutAPortDisconnects(tmp_path: Path) -> None:
    """
    The idle worker goes, the serving one stays until told to go.
    """
    script = run(UNSHARED.format(listen="listen()"), tmp_path)
    assert script.the("idle") == {"what": "idle", "how": [0, None], "other": True}
    assert script.the("serving")["how"] == [0, None]


@row(
    "C53",
    behaviour="The same with a UDP port.",
    ours="the same",
)
def test_C53_workerWithoutAUdpPortDisconnects(tmp_path: Path) -> None:
    """
    As C52, where the serving one has a UDP port.
    """
    udp = 'reactor.listenUDP(0, DatagramProtocol(), interface="127.0.0.1")'
    script = run(UNSHARED.format(listen=udp), tmp_path)
    assert script.the("idle") == {"what": "idle", "how": [0, None], "other": True}
    assert script.the("serving")["how"] == [0, None]


@row(
    "C55",
    behaviour="disconnect() in the primary returns the worker; its end is planned; the "
    "worker hears it and may pick its exit code.",
    ours="the same",
)
def test_C55_workerPicksItsCodeAtDisconnect(tmp_path: Path) -> None:
    """
    The disconnect event in the worker decides what it exits with.
    """
    script = run(
        """
        codes = [0]
        if cluster.isWorker:
            listen()
            cluster.worker.on("disconnect", lambda: codes.append(42))
        else:
            worker = cluster.fork()
            worker.on("listening",
                      lambda: say("same", same=worker.disconnect() is worker))
            watch(worker, "disconnect", state=lambda: worker.state,
                  planned=lambda: worker.exitedAfterDisconnect)
            worker.on("exit", lambda *how: say("exit", how=how))
            stopWhenAlone()
        reactor.run()
        sys.exit(codes[-1])
        """,
        tmp_path,
    )
    assert script.the("same")["same"] is True
    assert script.the("disconnect") == {
        "what": "disconnect",
        "state": "disconnected",
        "planned": True,
    }
    assert script.the("exit")["how"] == [42, None]


@row(
    "C56",
    behaviour="Policy none: a worker that cannot bind may disconnect, and ends with 0.",
    ours="the same; listenTCP raises CannotListenError",
)
def test_C56_bindErrorThenDisconnect(tmp_path: Path) -> None:
    """
    A busy port is told to the worker, which goes in order.
    """
    with busyPort() as port:
        script = run(
            """
            if cluster.isWorker:
                try:
                    listen(port=int(sys.argv[1]))
                except error.CannotListenError as problem:
                    say("busy", why=str(problem))
                    cluster.worker.disconnect()
            else:
                cluster.schedulingPolicy = cluster.SCHED_NONE
                worker = cluster.fork()
                worker.on("exit", lambda *how: say("exit", how=how,
                                                   planned=worker.exitedAfterDisconnect))
                stopWhenAlone()
            reactor.run()
            """,
            tmp_path,
            arguments=[port],
        )
    assert "in use" in script.the("busy")["why"]
    assert script.the("exit") == {"what": "exit", "how": [0, None], "planned": True}


@row(
    "C57",
    behaviour="The channel closes only when the server's connections have ended.",
    ours="the same, for drainTimeout at the longest",
    difference="Node waits for ever.",
)
def test_C57_channelWaitsForConnections(tmp_path: Path) -> None:
    """
    While a client stays, so does the worker, though its port is closed.
    """
    text = """
        if cluster.isWorker:
            listen(Holder)
        else:
            worker = cluster.fork()
            worker.on("listening", lambda info: say("where", port=info.port))
            watch(worker, "disconnect", "exit")
            signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(
                lambda: (worker.disconnect(), say("asked"))))
            stopWhenAlone()
        reactor.run()
        """
    with Script(text, tmp_path) as script:
        port = script.waitFor("where")["port"]
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            assert client.recv(1) == b"1"
            script.process.send_signal(signal.SIGUSR1)
            script.waitFor("asked")
            eventually(lambda: _refused(port), "the port is closed")
            client.sendall(b"still here")
            assert client.recv(10) == b"still here"
            assert script.kinds() == ["where", "asked"]
        assert script.wait() == 0
        assert script.kinds() == ["where", "asked", "disconnect", "exit"]


def _refused(port: int) -> bool:
    with socket.socket() as probe:
        return bool(probe.connect_ex(("127.0.0.1", port)))
