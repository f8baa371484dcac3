"""
What raises while a wire, a port or a pipe is read makes none of them deaf.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.scripts import run
from tests.process.cluster import RunningCluster, eventually
from tests.process.ports import commanded, lines, servers
from tests.process.trouble import (
    Line,
    isServedBy,
    makeFail,
    server,
    troubled,
    waitServed,
)

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]
# One end hears: the first three make it fail, each in its own way, the last one does not.
SCENE = """
import asyncio

hears = cluster.isPrimary == (os.environ["HEARER"] == "primary")
place = os.environ["PLACE"]
ways = [SystemExit(3), asyncio.CancelledError(), KeyboardInterrupt()]

def hear(number, *_):
    say("heard", number=number)
    if number < 3:
        raise ways[number]
    reactor.callLater(0.1, cluster.disconnect if cluster.isPrimary else end)
    return "fine"

def end():
    other.send("end")

def obey(message):
    if message == "end":
        return cluster.disconnect()
    for number in range(4):
        if place == "message":
            other.send(number)
        elif place == "topic":
            cluster.broadcast(number, "topic")
        else:
            asked = other.ask(number, timeout=4)
            asked.addCallbacks(
                lambda text: say("answer", text=text),
                lambda failure: say("failed", kind=failure.type.__name__))

other = cluster.worker or cluster.fork()
if not hears:
    other.on("message", obey)
elif place == "message":
    other.on("message", hear)
elif place == "topic":
    cluster.subscribe("topic", hear)
else:
    other.answer(hear)
hears and other.send("ready")
cluster.isPrimary and stopWhenAlone()
reactor.run()
"""


@pytest.mark.parametrize("hearer", ["primary", "worker"])
@pytest.mark.parametrize("place", ["message", "topic", "question"])
def test_listenerThatWantsToEndTheProcessEndsNothing(
    tmp_path: Path, place: str, hearer: str
) -> None:
    """
    What comes after it is heard; who asked is told that there is no answer.
    """
    env = {"HEARER": hearer, "PLACE": place, "CONFORMANCE_GUARD": "5"}
    script = run(SCENE, tmp_path, env=env)
    assert [event["number"] for event in script.of("heard")] == [0, 1, 2, 3]
    if place == "question":
        assert script.the("answer")["text"] == "fine"
        assert [e["kind"] for e in script.of("failed")] == ["AskFailedError"] * 3


@pytest.mark.parametrize("way", ["pop", "clear", "exit", "interrupt"])
@pytest.mark.parametrize("policy", ["failing", "failing-to-look"])
def test_policyThatHarmsItsCallerHarmsNobody(
    tmp_path: Path, policy: str, way: str
) -> None:
    """
    It changes what it is given, or wants to end the process: everybody is served, and
    that it fails is told, once.
    """
    with troubled(tmp_path, f"--policy={policy}:way={way}") as (cluster, port):
        pids = cluster.workerPids()
        assert isServedBy(port, pids)
        assert all(server(port) for _ in range(20))
        assert cluster.output().count("Traceback") == 1


def test_policyThatCannotEvenLookHarmsNobody(tmp_path: Path) -> None:
    """
    Who has sent something before the policy fails to look, and who sends it later.
    """
    with troubled(tmp_path, "--policy=failing-to-look:way=looking") as (_, port):
        assert all(server(port) for _ in range(5))
        with Line(port) as first, Line(port) as second:
            assert first.say(b"pid")
            assert second.say(b"pid")


def test_workerThatTellsThePrimaryRubbishIsReplaced(tmp_path: Path) -> None:
    """
    A number that no float can hold: the worker is no longer heard, so that it cannot
    stay; the other one goes on.
    """
    rubbish = b'control ["Drain", {"timeout": 1' + 400 * b"0" + b"}]"
    with troubled(tmp_path) as (cluster, port):
        with Line(port) as line:
            rude = int(line.say(b"pid"))
            line.say(rubbish)
            cluster.waitOnline(3)
            assert rude not in cluster.workerPids()
        assert isServedBy(port, cluster.workerPids())


def controlOf(cluster: RunningCluster) -> int:
    """
    Where its workers take orders.
    """
    environment = Path(f"/proc/{cluster.pid}/environ").read_bytes().split(b"\0")
    return next(int(e[8:]) for e in environment if e.startswith(b"CONTROL="))


def unlinkInVain(path: Path) -> None:
    """
    A socket's file becomes something that cannot be unlinked.
    """
    path.unlink()
    path.mkdir()


def test_portThatCannotBeCleanedUpHarmsNobody(tmp_path: Path) -> None:
    """
    Where its socket was there is a directory now: it is closed, and the primary hears the
    worker as before.
    """
    path = tmp_path / "socket"
    with commanded(tmp_path, workers=1) as (_, (one,)):
        told = one.listen("UNIX", str(path))
        unlinkInVain(path)
        told.do("close")
        assert servers(one.listen("TCP", name="a").port, 2) == [one.pid] * 2


def test_portThatCannotBeCleanedUpAfterADeathHarmsNobody(tmp_path: Path) -> None:
    """
    It was the dead worker's, whose replacement does not listen there, and is heard.
    """
    path = tmp_path / "socket"
    with commanded(tmp_path) as (cluster, (one, two)):
        one.listen("UNIX", str(path))
        unlinkInVain(path)
        os.kill(one.pid, signal.SIGKILL)
        cluster.waitOnline(3)
        with ExitStack() as stack:
            pids = cluster.workerPids()
            told = [
                worker.listen("TCP", name="a")
                for worker in lines(pids, controlOf(cluster), stack)
            ]
            assert set(servers(told[0].port, 4)) == set(pids)
        assert two.pid in pids


def test_oneFailedLookIsNotTheLast(tmp_path: Path) -> None:
    """
    The system refuses a question of the primary's twenty times: that is told, but not
    each time; a worker that stood still meanwhile serves when it goes on.
    """
    with troubled(tmp_path, workers=1) as (cluster, port):
        pids = cluster.workerPids()
        assert server(port) == pids[0]
        os.kill(pids[0], signal.SIGSTOP)
        begun = time.monotonic()
        eventually(lambda: time.monotonic() > begun + 0.5, "half a second is over")
        failing = makeFail(tmp_path, cluster.pid, "ioctl", "ENOMEM", 20)
        with socket.create_connection(("127.0.0.1", port)):
            try:
                eventually(lambda: not failing.exists(), "all have failed", 5.0)
            finally:
                os.kill(pids[0], signal.SIGCONT)
        waitServed(port, "it serves again", 5.0)
        assert 1 <= cluster.output().count("by a test: ENOMEM") <= 2
