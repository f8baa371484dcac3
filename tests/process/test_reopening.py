"""
A port that is closed and opened again is free, whoever has had it.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.conformance.scripts import Script
from tests.process.cluster import PATIENCE, RunningCluster, freePort
from tests.process.surrounding import Stock

pytestmark = pytest.mark.process
TAC = str(Path(__file__).parent / "fixtures" / "reopening.tac")
ROUNDS = 100
LOCAL = "127.0.0.1"
POLICIES = pytest.mark.parametrize("policy", ["round-robin", "none"])


def reopened(directory: Path, kind: str) -> dict[str, str]:
    where = str(freePort()) if kind in ("TCP", "UDP") else str(directory / "socket")
    return {"REOPENED": f"{kind} {where} {ROUNDS}"}


@pytest.mark.parametrize("kind", ["TCP", "UDP", "UNIX", "LOCKED"])
@POLICIES
def test_severalWorkersReopenAPort(tmp_path: Path, kind: str, policy: str) -> None:
    """
    All at once, 100 times each, and nobody is refused.
    """
    given = ["--workers=4", f"--policy={policy}", "-y", TAC]
    with RunningCluster(given, tmp_path, reopened(tmp_path, kind)) as cluster:
        cluster.waitOnline(4)
        (tmp_path / "begin").touch()
        cluster.waitFor(f"opened {ROUNDS} times, refused []", 4, 3 * PATIENCE)


@pytest.mark.parametrize("kind", ["TCP", "UDP"])
def test_stockReopensAPort(tmp_path: Path, kind: str) -> None:
    """
    As one process does.
    """
    (tmp_path / "begin").touch()
    with Stock(["-y", TAC], tmp_path, reopened(tmp_path, kind)) as stock:
        stock.waitFor(f"opened {ROUNDS} times, refused []")


REPLACING = """
from tests.conformance.serving import *
import time
PORT = int(os.environ["PORT"])

def sleep():
    tell("asleep")
    time.sleep(4)

def answer(data, port):
    protocol.transport.write(b"%d" % cluster.worker.id, (LOCAL, port))

protocol = Datagrams(answer)
if cluster.isWorker:
    listenUDP(protocol, PORT) if os.environ["KIND"] == "UDP" else serve(PORT)
    if cluster.worker.id == 1:
        listen(Holder, int(os.environ["HELD"]))
    onCommand(lambda message, handle: sleep())
else:
    cluster.schedulingPolicy = os.environ["POLICY"]

    async def scene():
        client = None
        old = cluster.fork()
        await old.when("listening")
        if os.environ["WAY"] == "blocked":
            heard = old.when("message")
            old.send("sleep")
            await heard
        else:
            client = await connect(int(os.environ["HELD"]))
            await until(lambda: client.data)
        old.disconnect()
        new = cluster.fork()
        await new.when("listening")
        say("again", isOldThere=not old.isDead())
        await until(lambda: os.path.exists("asked"))
        if client is not None:
            client.transport.loseConnection()
        await cluster.disconnect()
    play(scene)
reactor.run()
"""


@POLICIES
@pytest.mark.parametrize("way", ["blocked", "draining"])
@pytest.mark.parametrize("kind", ["TCP", "UDP"])
def test_theOnlyWorkerIsReplacedWhileItIsThere(
    tmp_path: Path, kind: str, way: str, policy: str
) -> None:
    """
    Be it blocked or has it connections: the new one listens, and serves, though the old
    one has a copy of the socket still.
    """
    port, held = freePort(), freePort()
    env = {"PORT": str(port), "HELD": str(held), "POLICY": policy}
    env |= {"KIND": kind, "WAY": way}
    with Script(REPLACING, tmp_path, env=env) as script:
        assert script.waitFor("again")["isOldThere"]
        # A UDP port a worker that drains serves to its end.
        servers = {b"1", b"2"} if (kind, way) == ("UDP", "draining") else {b"2"}
        assert _answer(kind, port) in servers
        (tmp_path / "asked").touch()


def _answer(kind: str, port: int) -> bytes:
    kinds = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}
    with socket.socket(type=kinds[kind]) as client:
        client.settimeout(PATIENCE)
        client.connect((LOCAL, port))
        client.send(b"?")
        return client.recv(100)
