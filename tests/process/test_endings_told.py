"""
What the log says of how workers ended.
"""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

import pytest

from tests.conformance.scripts import Script
from tests.process.cluster import RunningCluster, eventually, freePort, isAlive, running

pytestmark = [pytest.mark.process, pytest.mark.timeout(30)]

ALARMS = ("#warn", "#error", "#critical")
ENDS = """
import os
from twisted.internet.protocol import Factory, Protocol

class End(Protocol):
    def dataReceived(self, data):
        os._exit(int(data))

end = Factory.forProtocol(End)
"""


def alarmsAbout(cluster: RunningCluster, text: str) -> list[str]:
    """
    What the log says of something at a level that wakes people up.
    """
    lines = [line for line in cluster.output().splitlines() if text in line]
    return [line for line in lines if any(alarm in line for alarm in ALARMS)]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_workersThatAreKilledAreNoPlannedEnds(app: Path, how: signal.Signals) -> None:
    """
    Each is an alarm, which says who it was, and what ended it.
    """
    listen = f"--listen=tcp:{freePort()}"
    with running(["--app=hello.greet", listen], app, workers=4) as cluster:
        # Not all of them: that might look like an application that cannot start.
        for pid in cluster.workerPids()[:3]:
            os.kill(pid, how)
            eventually(
                lambda pid=pid: any(
                    how.name in s for s in alarmsAbout(cluster, str(pid))
                ),
                f"an alarm about {pid}, which ended by {how.name}",
                5.0,
            )


def test_whoseEndIsNoticedByBothWaysAtOnceIsToldOnce(app: Path) -> None:
    """
    A primary that finds the wires closed and the process gone, in whatever order, says
    once that it was killed.
    """
    listen = f"--listen=tcp:{freePort()}"
    with running(["--app=hello.greet", listen], app) as cluster:
        victim = cluster.workerPids()[0]
        cluster.signal(signal.SIGSTOP)
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: not isAlive(victim), "it is dead")
        cluster.signal(signal.SIGCONT)
        cluster.waitOnline(3)
        told = re.findall(rf"worker 1 \({victim}\).*SIGKILL", cluster.output())
        assert len(told) == 1
        assert alarmsAbout(cluster, f"({victim})")


def test_workersThatExitByThemselvesAreNoPlannedEnds(tmp_path: Path) -> None:
    """
    The code is said.
    """
    (tmp_path / "ends.py").write_text(ENDS)
    port = freePort()
    with running(["--app=ends.end", f"--listen=tcp:{port}"], tmp_path) as cluster:
        with socket.create_connection(("127.0.0.1", port), 5.0) as client:
            client.sendall(b"3")
            client.recv(1)
        cluster.waitOnline(3)
        dead = re.findall(r"worker \d \((\d+)\) exited with 3", cluster.output())
        assert len(dead) == 1
        assert alarmsAbout(cluster, f"({dead[0]}) exited with 3")


def test_plannedEndsWakeNobody(app: Path) -> None:
    """
    Neither when a worker was told to end by its own SIGTERM, nor when the cluster stops.
    """
    listen = f"--listen=tcp:{freePort()}"
    with running(["--app=hello.greet", listen], app) as cluster:
        pids = cluster.workerPids()
        os.kill(pids[0], signal.SIGTERM)
        cluster.waitOnline(3)
        pids += cluster.workerPids()
        cluster.stop()
        assert not [said for pid in pids for said in alarmsAbout(cluster, f"({pid})")]


def test_scriptsWorkersAreToldOfToo(tmp_path: Path) -> None:
    """
    Of C{cluster.fork()}: killed is not planned, nor does the log say so.
    """
    text = """
    from twisted.logger import globalLogPublisher
    if cluster.isPrimary:
        globalLogPublisher.addObserver(
            lambda event: say("log", level=event["log_level"].name,
                text=(event.get("log_format") or "").format(**event)))
        worker = cluster.fork()
        worker.on("online", lambda: worker.kill("SIGKILL"))
        worker.on("exit", lambda code, name:
            say("exit", pid=worker.process.pid, signal=name,
                planned=worker.exitedAfterDisconnect))
        stopWhenAlone()
        reactor.run()
    else:
        reactor.run()
    """
    with Script(text, tmp_path) as script:
        script.wait()
        ended = script.the("exit")
        assert (ended["signal"], ended["planned"]) == ("SIGKILL", False)
        about = [e for e in script.of("log") if f"({ended['pid']})" in e["text"]]
        told = [event["level"] for event in about if "SIGKILL" in event["text"]]
        assert told, script.story()
        assert set(told) <= {"warn", "error", "critical"}
