"""
What messages take in a primary whose script hears them: not more than a limit, whatever
workers send, and do not read.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.scripts import run

pytestmark = pytest.mark.process

SCENE = """
        import resource
        from twisted_cluster.core.frames import MESSAGE, Frame

        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

        async def tried(what):
            # In the primary: how much more it has had than ever before, in MiB.
            before = peak()
            await what()
            return peak() - before
"""


def test_whatWorkersSendIsBounded(tmp_path: Path) -> None:
    """
    A text that would be 1 GB of lists is lost, and said to be; what is behind is heard.
    Small messages for a worker that does not read, and answers, are counted as what they
    take.
    """
    script = run(
        SCENE
        + """
        if cluster.isPrimary:
            cluster.answer(lambda worker, question: question)

            async def scene():
                worker = cluster.fork()
                await worker.when("message")

                async def heavy():
                    worker.send("heavy")
                    say("heard", message=(await worker.when("message"))[0])

                async def published():
                    os.kill(worker.process.pid, signal.SIGSTOP)
                    for n in range(100_000):
                        cluster.broadcast(n, "topic").addErrback(lambda _: None)
                        if n % 1000 == 0:
                            await nextTurn()
                    os.kill(worker.process.pid, signal.SIGCONT)
                    say("missed", count=(await worker.when("message"))[0])

                async def asked():
                    worker.send("ask")
                    say("answers", count=(await worker.when("message"))[0])

                for what in (heavy, published, asked):
                    say("took", of=what.__name__, MiB=await tried(what))
                await cluster.disconnect()
            play(scene)
        else:
            me = cluster.worker
            mail = me._peer.mail

            def hear(message):
                if message == "heavy":
                    mail.send(Frame(MESSAGE, body=b"[" + b"[]," * 13_000_000 + b"0]"))
                    me.send("light")
                if message == "ask":
                    mail.pause()
                    reactor.callLater(0.7, mail.resume)
                    answers = [me.ask("x" * 100, timeout=60) for _ in range(30_000)]
                    gatherResults(answers).addCallback(lambda a: me.send(len(a)))

            me.on("message", hear)
            me.on("missed", lambda count: me.send(count))
            cluster.subscribe("topic", lambda message, sender: None)
            me.send("ready")
        reactor.run()
        """,
        tmp_path,
        env={"CONFORMANCE_GUARD": "50"},
    )
    took = {event["of"]: event["MiB"] for event in script.of("took")}
    assert script.the("heard")["message"] == "light"
    # The text itself, which has to come whole.
    assert took["heavy"] < 120
    assert script.the("missed")["count"] > 80_000
    assert took["published"] < 40
    assert script.the("answers")["count"] == 30_000
    assert took["asked"] < 30
    assert "may take more than" in script.errors
