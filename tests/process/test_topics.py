"""
What one process broadcasts, others hear: real primaries, real workers.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.conformance.scripts import run
from tests.process.cluster import freePort, running

pytestmark = pytest.mark.process


def test_everyoneElseWhoSubscribedHears(tmp_path: Path) -> None:
    """
    The primary and two workers, each told by whom; not the sender, nor who has
    subscribed to another topic, or no more.
    """
    script = run(
        """
        def hear(topic):
            return cluster.subscribe(topic, lambda message, sender:
                say("heard", me=me, topic=topic, message=message, sender=sender))

        me = cluster.worker.id if cluster.isWorker else 0
        hear("all")
        if me != 1:
            hear("not one")
        hear("nobody")()
        if cluster.isWorker:
            def speak(message):
                for topic in ["all", "not one", "nobody"]:
                    cluster.broadcast([topic, me], topic)
                cluster.worker.send("spoken")
            cluster.worker.on("message", speak)
            cluster.worker.send("ready")
        else:
            async def scene():
                workers = [cluster.fork() for _ in range(3)]
                await gatherResults([w.when("message") for w in workers])
                await cluster.broadcast("from the primary", "all")
                for worker in workers:
                    worker.send("speak")
                    await worker.when("message")
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    heard = {(e["me"], e["topic"], e["sender"]) for e in script.of("heard")}
    everybody = {0, 1, 2, 3}
    expected = {(me, "all", other) for me in everybody for other in everybody - {me}}
    listeners = everybody - {1}
    expected |= {
        (me, "not one", other) for me in listeners for other in everybody - {me, 0}
    }
    assert heard == expected
    assert len(script.of("heard")) == len(expected)


def test_eachSendersOrderIsKept(tmp_path: Path) -> None:
    """
    Two workers that shout at once are heard by the third each in its own order.
    """
    script = run(
        """
        COUNT = 2000
        if cluster.isPrimary:
            async def scene():
                workers = [cluster.fork({"N": str(n)}) for n in range(3)]
                await gatherResults([w.when("message") for w in workers])
                done = workers[2].when("message")
                for worker in workers[:2]:
                    worker.send("shout")
                say("heard", message=(await done)[0])
                await cluster.disconnect()
            play(scene)
        elif os.environ["N"] == "2":
            heard = {}
            def hear(message, sender):
                heard.setdefault(sender, []).append(message)
                if sum(map(len, heard.values())) == 2 * COUNT:
                    cluster.worker.send([sorted(h) == h for h in heard.values()])
            cluster.subscribe("t", hear)
            cluster.worker.send("ready")
        else:
            def shout(message):
                for n in range(COUNT):
                    cluster.broadcast(n, "t")
            cluster.worker.on("message", shout)
            cluster.worker.send("ready")
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("heard")["message"] == [True, True]


def test_aSlowWorkerMissesAndIsTold(tmp_path: Path) -> None:
    """
    While a worker does not read, what is published for it beyond 16 MiB is missed; the
    others hear all of it, the primary keeps no more, and the worker learns the count.
    """
    script = run(
        """
        COUNT = 60
        if cluster.isPrimary:
            async def scene():
                slow, quick = [cluster.fork({"N": str(n)}) for n in range(2)]
                await gatherResults([w.when("message") for w in (slow, quick)])
                os.kill(slow.process.pid, signal.SIGSTOP)
                done = quick.when("message")
                for n in range(COUNT):
                    cluster.broadcast("x" * 1_000_000, "t")
                await done
                say("kept", bytes=slow._peer.mail.waiting)
                told = slow.when("message")
                os.kill(slow.process.pid, signal.SIGCONT)
                say("slow", **(await told)[0])
                cluster.broadcast("again", "t")
                say("again", message=(await slow.when("message"))[0])
                await cluster.disconnect()
            play(scene)
        else:
            count = 0
            def hear(message, sender):
                global count
                count += 1
                if message == "again":
                    cluster.worker.send(message)
                elif count == COUNT:
                    cluster.worker.send("all")
            cluster.subscribe("t", hear)
            cluster.worker.on("missed", lambda missed:
                cluster.worker.send({"missed": missed, "heard": count}))
            cluster.worker.send("ready")
        reactor.run()
        """,
        tmp_path,
    )
    slow = script.the("slow")
    assert slow["missed"] > 0
    assert slow["missed"] + slow["heard"] == 60
    assert script.the("kept")["bytes"] < 2**24 + 2_000_000
    assert script.the("again")["message"] == "again"


ROOM = """
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver
from twisted_cluster import cluster

class Chat(LineOnlyReceiver):
    delimiter = b"\\n"

    def connectionMade(self):
        self.factory.members.add(self)
        self.sendLine(b"welcome by %d" % cluster.worker.id)

    def connectionLost(self, reason):
        self.factory.members.discard(self)

    def lineReceived(self, line):
        cluster.broadcast(line.decode(), "room")
        cluster.worker.send("nobody hears this")
        self.factory.hear(line.decode(), 0)

class Room(Factory):
    protocol = Chat

    def __init__(self):
        self.members = set()
        cluster.subscribe("room", self.hear)

    def hear(self, text, sender):
        for member in self.members:
            member.sendLine(text.encode())

room = Room()
"""


def test_anApplicationUnderTwistdTalksAcrossWorkers(tmp_path: Path) -> None:
    """
    A chat room whose members are in different workers of C{twistd cluster}. What is
    sent to that primary, where no code of users runs, is said in the log, once.
    """
    (tmp_path / "chat.py").write_text(ROOM)
    port = freePort()
    with running(["--app=chat.room", f"--listen=tcp:{port}"], tmp_path) as cluster:
        clients = [socket.create_connection(("127.0.0.1", port), 5.0) for _ in range(2)]
        files = [client.makefile("rwb") for client in clients]
        assert len({file.readline() for file in files}) == 2
        for file in files:
            file.write(b"hello\n")
            file.flush()
            assert [each.readline() for each in files] == [b"hello\n"] * 2
        for each in [*files, *clients]:
            each.close()
        cluster.waitFor("nobody hears them")
