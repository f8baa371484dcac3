"""
Looking into workers: profiles, and what there is for a debugger.
"""

from __future__ import annotations

import pstats
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, environment, eventually, freePort
from tests.process.surrounding import Stock
from tests.process.test_bad_input import runToItsEnd
from tests.process.trouble import server, waitServed

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
SLOW = """
import os
from twisted.internet.protocol import Factory, Protocol


class Slow(Protocol):
    def dataReceived(self, data):
        slowly()
        self.transport.write(b"%d" % os.getpid())
        self.transport.loseConnection()


def slowly():
    return sum(range(1000))


slow = Factory.forProtocol(Slow)
"""
TAC = """
from twisted.application.internet import TCPServer
from twisted.application.service import Application
import slow

application = Application("slow")
TCPServer({port}, slow.slow, interface="127.0.0.1").setServiceParent(application)
"""


def served(
    kind: type[RunningCluster],
    directory: Path,
    profile: Sequence[str],
    arguments: Sequence[str] = (),
    workers: int = 1,
) -> None:
    """
    Serve some clients, each worker some of them, and stop.
    """
    port = freePort()
    (directory / "slow.py").write_text(SLOW)
    (directory / "slow.tac").write_text(TAC.format(port=port))
    given = [*arguments, "-y", "slow.tac"]
    twistd = ["-n", "--pidfile=", *profile]
    env = {"PYTHONPATH": f"{directory}:{environment()['PYTHONPATH']}"}
    with kind(given, directory, env, twistd) as running:
        waitServed(port, "it serves")
        if kind is RunningCluster:
            running.waitOnline(workers)
        pids: set[int] = set()
        eventually(lambda: pids.add(server(port)) or len(pids - {0}) == workers, "all")


def functionsIn(file: Path, saved: bool) -> str:
    """
    What was called, as far as a profile says.
    """
    if not saved:
        return file.read_text()
    calls: dict[tuple[str, int, str], object] = pstats.Stats(str(file)).stats  # type: ignore[attr-defined]
    return " ".join(name for _, _, name in calls)


@pytest.mark.parametrize("saved", [True, False])
def test_workersAreProfiled(tmp_path: Path, saved: bool) -> None:
    """
    Each into a file of its own, as stock twistd is.
    """
    # Not "profile": what it does when a signal comes is sometimes to raise, in Python
    # 3.11, and the signal is lost.
    more = ["--savestats"] if saved else []
    profile = ["--profile=cluster.prof", "--profiler=cprofile", *more]
    served(RunningCluster, tmp_path, profile, ["--workers=2"], 2)
    profile[0] = "--profile=stock.prof"
    served(Stock, tmp_path, profile)
    assert "slowly" in functionsIn(tmp_path / "stock.prof", saved)
    assert "slowly" in functionsIn(tmp_path / "cluster.prof.1", saved)
    assert "slowly" in functionsIn(tmp_path / "cluster.prof.2", saved)
    assert "slowly" not in functionsIn(tmp_path / "cluster.prof", saved)


def test_thePrimaryIsNotDebugged(app: Path) -> None:
    """
    One sentence says what to do instead.
    """
    done = runToItsEnd(app, ["--debug", "--pidfile=", "cluster", "--app=hello.greet"])
    assert done.returncode == 1
    assert "breakpoint()" in done.stderr
    assert "--workers 1" in done.stderr
