"""
Drains that mail holds up, and connections that wait for a full queue.
"""

from __future__ import annotations

import select
import socket
from contextlib import closing
from pathlib import Path

import pytest

from tests.conformance.scripts import Script
from tests.process.injecting import CLOCKS, FULL, anyClock, injected
from tests.process.odd import connect, everything, odd

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]

FIXTURES = Path(__file__).parent / "fixtures"
# Nobody listens to the messages; there are more than are kept for a listener.
DEAF = """
WRITER = os.environ["WRITER"]
MANY, BODY = 30_000, "x" * 2000

def write(other):
    for _ in range(MANY):
        other.send(BODY).addErrback(lambda failure: None)

async def scene():
    await worker.when("listening")
    if WRITER == "primary":
        write(worker)
        await nextTurn()
    worker.disconnect()
    code, name = await worker.when("exit")
    say("exit", code=code, signal=name, planned=worker.exitedAfterDisconnect)

if cluster.isPrimary:
    cluster.setupPrimary(drainTimeout=2.0)
    worker = cluster.fork()
    play(scene)
else:
    if WRITER == "worker":
        write(cluster.worker)
    listen()
reactor.run()
"""


@pytest.mark.parametrize("writer", ["primary", "worker"])
def test_mailThatNobodyReadsHoldsUpNoDrain(tmp_path: Path, writer: str) -> None:
    """
    The worker is told all the same, and ends by itself.
    """
    with Script(DEAF, tmp_path, env={"WRITER": writer}) as script:
        script.wait()
        ended = script.the("exit")
        assert ended["signal"] is None, script.story()
        assert ended["code"] == 0
        assert ended["planned"]


def isToldSomething(client: socket.socket) -> bool:
    """
    Whether a client has been sent something, or the end.
    """
    return bool(select.select([client], [], [], 0)[0])


def test_whatAQueueRefusesWaitsThirtySecondsInAll(tmp_path: Path) -> None:
    """
    However often it is refused: then it is closed, and that is said. Later ones are
    served.
    """
    clock, full = anyClock(tmp_path), tmp_path / "full"
    env = {**clock.env, **injected(tmp_path, CLOCKS + FULL, FULL=str(full))}
    asked = ("round-robin", FIXTURES, "--dispatch=handoff")
    with odd(*asked, workers=1, app="kinds.report", env=env) as running:
        cluster, port = running
        full.touch()
        with closing(connect(port)) as waiting:
            clock.hurry(25)
            assert not isToldSomething(waiting)
            clock.hurry(8)
            assert isToldSomething(waiting)
            assert everything(waiting) == b""
        assert "waited" in cluster.output()
        full.unlink()
        with closing(connect(port)) as client:
            assert int(client.recv(100).split()[0]) == cluster.workerPids()[0]
