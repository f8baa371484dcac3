"""
Many workers at once: starts are spread, so that who serves goes on serving.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.conformance.scripts import Script
from tests.process.cluster import (
    UP,
    RunningCluster,
    ask,
    childrenOf,
    eventually,
    freePort,
)

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

# How many may start at a time: this machine does not get more of them done by more.
AT_A_TIME = max(8, 2 * len(os.sched_getaffinity(0)))
MANY = AT_A_TIME + 4
needsFew = pytest.mark.skipif(AT_A_TIME > 8, reason="this machine has many CPUs")


class Starts:
    """
    How many workers of a cluster have been starting at a time, at most.
    """

    def __init__(self, cluster: RunningCluster) -> None:
        self._cluster = cluster
        self.most = 0

    def untilOnline(self, count: int, patience: float) -> None:
        """
        Watch until so many have come online, in all.
        """

        def areOnline() -> bool:
            there = set(childrenOf(self._cluster.pid))
            up = {int(pid) for _, pid in UP.findall(self._cluster.output())}
            self.most = max(self.most, len(there - up))
            return len(up) >= count

        eventually(areOnline, f"{count} are online", patience)


@needsFew
def test_startsAndEndsAreSoonDone(app: Path) -> None:
    """
    Starts are spread, when the cluster starts, and when most of its workers are killed at
    once; two hundred end within half a minute, of which these have their share. (It takes
    some seconds: each worker's start costs a third of a second of CPU time.)
    """
    port = freePort()
    arguments = [f"--workers={MANY}", "--app=hello.greet", f"--listen=tcp:{port}"]
    with RunningCluster(arguments, app) as cluster:
        starts = Starts(cluster)
        starts.untilOnline(MANY, 40.0)
        killed = AT_A_TIME + 1
        for pid in cluster.workerPids()[:killed]:
            os.kill(pid, signal.SIGKILL)
        assert ask(port)
        starts.untilOnline(MANY + killed, 30.0)
        # Who guards them looks as a worker does until it is itself.
        assert 1 < starts.most <= AT_A_TIME + 1
        assert len({ask(port) for _ in range(MANY)}) == MANY
        cluster.signal(signal.SIGTERM)
        assert cluster.wait(30.0 * MANY / 200 + 1.0) == 0


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
    # Two of them are nobody's workers: who guards the others, and what they are forked
    # from.
    most = max(most, len(children.split()) - 2 - len(online))

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
