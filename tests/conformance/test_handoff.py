"""
Handing connections over: section 2e of the catalogue.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import run

pytestmark = pytest.mark.process


@row(
    "C90",
    behaviour="An accept that fails in the primary is skipped; service goes on.",
    ours="the same; who could not be accepted waits, and is served then",
    difference="Node injects the error; here the primary really has no descriptor left.",
)
def test_C90_failedAcceptIsSkipped(tmp_path: Path) -> None:
    """
    No descriptors are left while a client connects; then there are again.
    """
    script = run(
        """
        from resource import RLIMIT_NOFILE, getrlimit, setrlimit
        from tests.conformance.serving import *
        from twisted.logger import formatEvent, globalLogPublisher

        if cluster.isWorker:
            serve()
        else:
            complaints = []

            def observe(event):
                text = formatEvent(event)
                if "Too many open files" in text:
                    complaints.append(text)

            globalLogPublisher.addObserver(observe)

            @play
            async def scene():
                workers, [port] = await up()
                soft, hard = getrlimit(RLIMIT_NOFILE)
                client = socket.socket()
                free = os.dup(0)
                os.close(free)
                setrlimit(RLIMIT_NOFILE, (free, hard))
                client.connect((LOCAL, port))
                await until(lambda: complaints)
                setrlimit(RLIMIT_NOFILE, (soft, hard))
                client.setblocking(False)
                ended = reactor.adoptStreamConnection(
                    client.fileno(), client.family, Factory.forProtocol(Client)
                ).protocol.ended
                client.close()
                say("told", port=port, waited=(await ended).decode(),
                    next=await fetch(port), alive=not workers[0].isDead())

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert (told["waited"], told["next"], told["alive"]) == ("1", "1", True)


@row(
    "C93",
    behaviour="With the drop option (Node 22.23 and later) a full worker closes what is "
    "beyond its maximum.",
    ours="the same: dropMaxConnections=True; port.dropped counts",
)
def test_C93_fullWorkersDrop(tmp_path: Path) -> None:
    """
    The second client is closed at once, the third served when the first has gone.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            port = listen(Holder, maxConnections=1, dropMaxConnections=True)
            cluster.worker.answer(lambda name: getattr(port, name))
        else:
            @play
            async def scene():
                [worker], [port] = await up()
                first = await connect(port)
                heard = (await first.heard).decode()
                second = await fetch(port)
                dropped = await worker.ask("dropped")
                first.transport.loseConnection()
                await first.ended
                while await worker.ask("active"):
                    await nextTurn()
                third = await connect(port)
                say("told", port=port, first=heard, second=second, dropped=dropped,
                    third=(await third.heard).decode())
                third.transport.loseConnection()

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert (told["first"], told["second"], told["third"]) == ("1", "", "1")
    assert told["dropped"] == 1


@row(
    "C95",
    behaviour="A worker stays while it listens.",
    ours="the same, and it stays when it no longer listens",
    difference="Twisted's reactor does not end when it has nothing to do: a worker ends "
    "when it is told to.",
)
def test_C95_listeningWorkersStay(tmp_path: Path) -> None:
    """
    It serves one client after the other, and lives on with no port at all.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            port = serve()

            @cluster.worker.answer
            async def close(question):
                await port.stopListening()
                return "closed"
        else:
            @play
            async def scene():
                [worker], [port] = await up()
                answers = await answersOf(port)
                closed = [await worker.ask("close")]
                say("told", port=port, answers=answers, closed=closed,
                    alive=worker.isConnected() and not worker.isDead())
                worker.disconnect()
                code, _ = await worker.when("exit")
                say("exit", code=code)

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert (told["answers"], told["closed"], told["alive"]) == (["1"], ["closed"], True)
    assert script.the("exit")["code"] == 0


@row(
    "C97",
    behaviour="ref, unref and close of a clustered server work, and close calls back "
    "once.",
    ours="the Deferred of stopListening fires once, and the port is closed then",
    difference="Nothing is ref-ed in Twisted.",
)
def test_C97_closingAPortFiresOnce(tmp_path: Path) -> None:
    """
    The factory is stopped once, too, and the primary lets go of the port.
    """
    script = run(
        """
        from tests.conformance.serving import *

        if cluster.isWorker:
            class Counting(Factory):
                protocol = Greeter
                stopped = 0

                def stopFactory(self):
                    self.stopped += 1

            factory = Counting()
            port = reactor.listenTCP(0, factory, interface=LOCAL)

            @cluster.worker.answer
            async def close(question):
                fired = []
                done = port.stopListening()
                done.addCallback(fired.append)
                await until(lambda: fired)
                await nextTurn()
                return [len(fired), factory.stopped]
        else:
            @play
            async def scene():
                [worker], [port] = await up()
                counts = await worker.ask("close")
                try:
                    await fetch(port)
                except error.ConnectError as problem:
                    say("told", counts=counts, kind=type(problem).__name__, port=port)

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert told["counts"] == [1, 1]
    assert told["kind"] == "ConnectionRefusedError"
