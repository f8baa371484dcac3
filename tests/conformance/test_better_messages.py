"""
Where Node is known to misbehave: messages, X10, X17, X18.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import run

pytestmark = pytest.mark.process


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
    "X17",
    behaviour="A message is sent on a channel that is closed.",
    ours="the Deferred fails, on either side; nothing else happens",
    difference="Node raises an error event, which ends a process that does not listen",
)
def test_X17_sendingToNobodyFails(tmp_path: Path) -> None:
    """
    To a worker that is gone, and from a worker whose primary has cut the channel.
    """
    script = run(
        """
        from twisted_cluster.errors import ChannelClosedError

        def failed(where, sent):
            return sent.addErrback(
                lambda f: say(where, kind=f.trap(ChannelClosedError).__name__))

        if cluster.isWorker:
            def late():
                failed("worker", cluster.worker.send("late"))
                failed("worker ask", cluster.worker.ask("late"))
                failed("worker broadcast", cluster.broadcast("late"))
            cluster.worker.on("disconnect", late)
        else:
            async def scene():
                worker = cluster.fork()
                await worker.when("online")
                worker.process.disconnect()
                await failed("cut", worker.send("late"))
                await worker.when("exit")
                await failed("gone", worker.send("late"))
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    names = ["cut", "gone", "worker", "worker ask", "worker broadcast"]
    assert sorted(script.kinds()) == sorted(names)
    assert script.errors.count("Traceback") == 0


def test_X17_whatWasNotTakenFails(tmp_path: Path) -> None:
    """
    Messages and questions on their way to a worker that is frozen and then killed: what
    the kernel has not taken fails, and so does each question.
    """
    script = run(
        """
        if cluster.isPrimary:
            def tell(name, sent):
                sent.addCallbacks(lambda _: say("taken", name=name),
                    lambda f: say("failed", name=name, kind=f.type.__name__))
                return sent

            async def scene():
                worker = cluster.fork()
                await worker.when("online")
                worker.kill("SIGSTOP")
                await tell("small", worker.send("x"))
                tell("large", worker.send("x" * 10_000_000))
                tell("behind", worker.send("y"))
                tell("question", worker.ask("z"))
                await nextTurn()
                say("kill")
                worker.kill("SIGKILL")
                await worker.when("exit")
                await nextTurn()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.kinds() == ["taken", "kill", "failed", "failed", "failed"]
    failed = {event["name"]: event["kind"] for event in script.of("failed")}
    assert failed == dict.fromkeys(("large", "behind", "question"), "ChannelClosedError")
    assert script.errors.count("Traceback") == 0


@row(
    "X18",
    behaviour="Messages that look like the cluster's own.",
    ours="they arrive as any other",
    difference="users' messages have a stream and an envelope of their own",
)
def test_X18_noMessageLooksInternal(tmp_path: Path) -> None:
    """
    Node's, and what our own channel and frames are made of; there and back.
    """
    script = run(
        """
        MESSAGES = [
            {"cmd": "NODE_CLUSTER", "act": "disconnect"}, {"cmd": "NODE_"},
            ["Drain", {"timeout": 0}], ["Online", {}], ["Leaving", {"planned": True}],
            {"kind": 1, "flags": 1}, "\\x1e[]", "", None, 0, [], {},
        ]
        if cluster.isWorker:
            cluster.worker.on("message", lambda message: cluster.worker.send(message))
        else:
            async def scene():
                worker = cluster.fork()
                back = []
                worker.on("message", back.append)
                for message in MESSAGES:
                    worker.send(message)
                await until(lambda: len(back) == len(MESSAGES))
                say("back", same=back == MESSAGES, connected=worker.isConnected())
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("back") == {"what": "back", "same": True, "connected": True}
