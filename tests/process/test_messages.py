"""
Messages between real processes: large, many, and to those who do not read or are gone.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.scripts import run

pytestmark = pytest.mark.process


@pytest.mark.parametrize("serialization", ["json", "advanced"])
def test_largeMessagesAndTheListenBesideThem(tmp_path: Path, serialization: str) -> None:
    """
    1 MB and 100 MB arrive whole, both ways; a listen is answered while one is under way.
    """
    script = run(
        f"""
        cluster.isPrimary and cluster.setupPrimary(serialization={serialization!r})
        """
        """
        if cluster.isPrimary:
            async def scene():
                worker = cluster.fork()
                for size in [1_000_000, 100_000_000]:
                    text = "0123456789" * (size // 10)
                    answer = worker.ask(text, timeout=60)
                    if size > 1_000_000:
                        worker.send("listen")
                    say("same", size=size, same=await answer == text)
                await cluster.disconnect()
            worker = cluster.on("listening", lambda worker, info: say("listening"))
            play(scene)
        else:
            cluster.worker.answer(lambda text: text)
            cluster.worker.on("message", lambda message: listen())
        reactor.run()
        """,
        tmp_path,
        env={"CONFORMANCE_GUARD": "50"},
    )
    assert [event["same"] for event in script.of("same")] == [True, True]
    assert script.of("listening")


def test_aSlowReaderHoldsUpWhoWaits(tmp_path: Path) -> None:
    """
    While a worker is frozen its sends are not taken, and other workers are not held up;
    when it goes on, everything arrives in order.
    """
    script = run(
        """
        COUNT = 50
        if cluster.isPrimary:
            async def scene():
                frozen, other = [cluster.fork() for _ in range(2)]
                await gatherResults([w.when("message") for w in (frozen, other)])
                os.kill(frozen.process.pid, signal.SIGSTOP)
                sent = [frozen.send([n, "x" * 100_000]) for n in range(COUNT)]
                say("other", answer=await other.ask("?"))
                say("taken", before=sum(each.called for each in sent))
                os.kill(frozen.process.pid, signal.SIGCONT)
                await gatherResults(sent)
                say("order", numbers=await frozen.ask("?"))
                await cluster.disconnect()
            play(scene)
        else:
            numbers = []
            cluster.worker.on("message", lambda message: numbers.append(message[0]))
            cluster.worker.answer(lambda question: numbers)
            cluster.worker.send("ready")
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("other")["answer"] == []
    assert script.the("taken")["before"] < 10
    assert script.the("order")["numbers"] == list(range(50))


def test_whoeverIsGoneFailsWhatIsSent(tmp_path: Path) -> None:
    """
    Messages and questions to a worker that is killed, and to one that is gone, fail with
    one error; the primary goes on.
    """
    script = run(
        """
        from twisted_cluster.errors import ChannelClosedError

        def told(what, sent):
            return sent.addCallbacks(
                lambda _: say("taken", of=what),
                lambda failure: say("failed", of=what, kind=failure.type.__name__))

        if cluster.isPrimary:
            async def scene():
                worker = cluster.fork()
                await worker.when("message")
                os.kill(worker.process.pid, signal.SIGSTOP)
                waiting = [told("large", worker.send("x" * 10_000_000)),
                           told("question", worker.ask("?"))]
                gone = worker.when("exit")
                worker.kill("SIGKILL")
                await gone
                await gatherResults(waiting)
                await told("late", worker.send("too late"))
                await told("late question", worker.ask("too late"))
                say("connected", now=worker.isConnected(), dead=worker.isDead())
            play(scene)
        else:
            cluster.worker.send("ready")
        reactor.run()
        """,
        tmp_path,
    )
    failed = {event["of"]: event["kind"] for event in script.of("failed")}
    names = ["large", "question", "late", "late question"]
    assert failed == dict.fromkeys(names, "ChannelClosedError")
    assert script.the("connected") == {"what": "connected", "now": False, "dead": True}


def test_aWorkerThatSendsRubbishIsEnded(tmp_path: Path) -> None:
    """
    Bytes that are no frames, or one too long: the worker is killed, and the primary and
    the other worker go on.
    """
    script = run(
        """
        if cluster.isPrimary:
            async def scene():
                rotten, rude, good = [cluster.fork({"N": str(n)}) for n in range(3)]
                cluster.on("message", lambda worker, message: None)
                cluster.on("exit", lambda worker, code, name:
                    say("exit", id=worker.id, signal=name))
                await until(lambda: rotten.isDead() and rude.isDead())
                say("good", answer=await good.ask("?"))
                await cluster.disconnect()
            play(scene)
        elif os.environ["N"] == "2":
            cluster.worker.answer(lambda question: "fine")
        else:
            from twisted_cluster.core.frames import MESSAGE, Frame, packHead
            head = packHead(Frame(MESSAGE, body=b"{"))
            rubbish = {"0": b"\\xff" * 64, "1": head[:8] + b"\\xff" * 50}
            peer = cluster.worker._peer
            reactor.callWhenRunning(
                os.write, peer.mail.fileno(), rubbish[os.environ["N"]])
        reactor.run()
        """,
        tmp_path,
    )
    ends = {event["id"]: event["signal"] for event in script.of("exit")}
    assert ends == {1: "SIGKILL", 2: "SIGKILL", 3: None}
    assert script.the("good")["answer"] == "fine"


def test_aListenerThatWouldEndTheProcessIsHeardFromAgain(tmp_path: Path) -> None:
    """
    C{sys.exit()}, C{KeyboardInterrupt} and asyncio's C{CancelledError} in a listener are
    logged, at both ends; what is sent next is heard, and asked is answered.
    """
    script = run(
        """
        import asyncio

        ERRORS = [SystemExit, KeyboardInterrupt, asyncio.CancelledError]

        def fail(message):
            if message < len(ERRORS):
                raise ERRORS[message]

        if cluster.isPrimary:
            async def scene():
                worker, numbers = cluster.fork(), []
                worker.on("message", numbers.append)
                worker.on("message", fail)
                for n in range(len(ERRORS) + 1):
                    worker.send(n)
                say("heard", there=await worker.ask("?"), here=numbers)
                await cluster.disconnect()
            play(scene)
        else:
            numbers = []
            cluster.worker.on("message", numbers.append)
            cluster.worker.on("message", fail)
            cluster.worker.answer(lambda question: numbers)
            for n in range(len(ERRORS) + 1):
                cluster.worker.send(n)
        reactor.run()
        """,
        tmp_path,
    )
    heard = script.the("heard")
    assert heard["there"] == heard["here"] == [0, 1, 2, 3]
