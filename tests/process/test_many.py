"""
Many workers at once: starts are spread, so that who serves goes on serving.
"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.conformance.scripts import Script
from tests.process.cluster import RunningCluster, ask, freePort

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

MANY = 16
# How many may start at a time: this machine does not get more of them done by more.
AT_A_TIME = max(8, 2 * len(os.sched_getaffinity(0)))
needsFew = pytest.mark.skipif(AT_A_TIME >= MANY, reason="this machine has many CPUs")


def mostAtATime(output: str) -> int:
    """
    How many workers have been starting at one time.
    """
    most = now = 0
    for word in re.findall(r"worker \d+ \(\d+\) is (started|online)", output):
        now += 1 if word == "started" else -1
        most = max(most, now)
    return most


@needsFew
def test_startsAreSpread(app: Path) -> None:
    """
    When the cluster starts, and when half of its workers are killed at once. (It takes
    some seconds: each worker's start costs a third of a second of CPU time.)
    """
    port = freePort()
    arguments = [f"--workers={MANY}", "--app=hello.greet", f"--listen=tcp:{port}"]
    with RunningCluster(arguments, app) as cluster:
        cluster.waitFor(" ready after", MANY, 40.0)
        assert mostAtATime(cluster.output()) <= AT_A_TIME
        known = len(cluster.output())
        for pid in cluster.workerPids()[: MANY // 2]:
            os.kill(pid, signal.SIGKILL)
        assert ask(port)
        cluster.waitFor(" ready after", MANY + MANY // 2, 30.0)
        assert mostAtATime(cluster.output()[known:]) <= AT_A_TIME
        assert len({ask(port) for _ in range(MANY)}) == MANY


FORKS = (
    f"MANY = {MANY}\n"
    + """
from pathlib import Path
from twisted.internet.task import LoopingCall
online, most, turns = [], 0, [reactor.seconds()]

def look():
    global most
    turns.append(reactor.seconds())
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    # One of them is nobody's worker: who guards the others.
    most = max(most, len(children.split()) - 1 - len(online))

async def scene():
    begun = reactor.seconds()
    workers = [cluster.fork() for _ in range(MANY)]
    looking = LoopingCall(look)
    looking.start(0.01)
    await until(lambda: len(online) == MANY)
    looking.stop()
    gaps = [after - before for before, after in zip(turns, turns[1:])]
    say("online", most=most, gap=max(gaps), ids=sorted(cluster.workers))
    await cluster.disconnect()

if cluster.isPrimary:
    cluster.on("online", online.append)
    play(scene)
reactor.run()
"""
)


@needsFew
def test_forksInALoopAreSpread(tmp_path: Path) -> None:
    """
    Each C{fork()} returns its worker at once, and its process is started in its turn;
    the primary goes round meanwhile.
    """
    env = {"CONFORMANCE_GUARD": "40"}
    with Script(FORKS, tmp_path, env=env) as script:
        script.process.wait(50)
        said = script.the("online")
        assert said["ids"] == list(range(1, MANY + 1))
        assert said["most"] <= AT_A_TIME
        assert said["gap"] < 2.0


@needsFew
def test_manyEndSoon(app: Path) -> None:
    """
    Two hundred of them within half a minute, of which these have their share.
    """
    arguments = [f"--workers={MANY}", "--app=hello.greet", f"--listen=tcp:{freePort()}"]
    with RunningCluster(arguments, app) as cluster:
        cluster.waitFor(" ready after", MANY, 40.0)
        cluster.signal(signal.SIGTERM)
        assert cluster.wait(30.0 * MANY / 200 + 1.0) == 0
