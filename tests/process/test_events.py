"""
What applications log is what they log under stock twistd, for whoever looks at it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.process.cluster import (
    RunningCluster,
    ask,
    environment,
    eventually,
    freePort,
    running,
)
from tests.process.facts import Stock

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

FIXTURES = Path(__file__).parent / "fixtures"
TAC = """
from twisted.application.service import Application
import observing

application = Application("observed")
{more}
observing.Talker().setServiceParent(application)
"""
# Which failure of its process it is.
COUNTED = re.compile(r'"count": \d+')
OWN = ("twisted_cluster", "twisted.scripts", "twisted.internet.base")


def run(
    kind: type[RunningCluster],
    directory: Path,
    twistd: Sequence[str] = (),
    more: str = "",
    **variables: str,
) -> dict[str, list[str]]:
    """
    Run an application that says something of each kind, until it has.

    @param kind: The cluster or the stock twistd.
    @param more: What else there is in its file.
    @return: The lines that its observers have written, by their kind, and C{"output"}.
    """
    directory.mkdir()
    (directory / "observed.tac").write_text(TAC.format(more=more))
    path = f"{FIXTURES}:{environment()['PYTHONPATH']}"
    env = {"PYTHONPATH": path, "SEEN": str(directory / "seen"), **variables}
    own = ["--workers=1"] if kind is RunningCluster else []
    arguments = [*own, "-y", "observed.tac"]
    given = ["-n", "--pidfile=", *twistd]
    with kind(arguments, directory, env, twistd=given) as running:

        def written() -> dict[str, list[str]]:
            files = directory.glob("seen.*")
            return {each.suffix[1:]: each.read_text().splitlines() for each in files}

        eventually(lambda: "the end" in str(written()) + running.output(), "all is said")
        running.stop()
        return {**written(), "output": running.output().splitlines()}


def saidIn(lines: Sequence[str]) -> list[dict[str, object]]:
    """
    The events of the application, without what differs from run to run.
    """
    events = [json.loads(COUNTED.sub('"count": 0', line)) for line in lines]
    return [_comparable(one) for one in events if not _isOwn(one)]


def _isOwn(event: dict[str, object]) -> bool:
    return str(event["log_namespace"]).startswith(OWN) or str(
        event.get("log_text")
    ).startswith("Load")


def _comparable(event: dict[str, object]) -> dict[str, object]:
    if "cluster_system" in event and event.get("log_namespace") == "log_legacy":
        event["system"] = event["cluster_system"]
    return {
        key: value
        for key, value in event.items()
        if key not in ("log_time", "log_system", "time")
        and not key.startswith("cluster_")
    }


def test_everyLoggerGetsThemWhole(tmp_path: Path) -> None:
    """
    Who writes JSON writes the same, but for the worker, and who looks at failures finds
    the same.
    """
    logger = ["--logger=observing.Both"]
    stock = run(Stock, tmp_path / "stock", logger)
    cluster = run(RunningCluster, tmp_path / "cluster", logger)
    there, here = (saidIn(one["events"]) for one in (stock, cluster))
    # Unless it is asked for, debug stays out.
    assert there.pop(0)["log_format"] == "unheard"
    assert len(there) == len(here) > 10
    for one, other in zip(there, here):
        assert one == other
    assert cluster["failures"] == stock["failures"]
    assert len(stock["failures"]) == 2


OBSERVERS = {
    "new": "application.setComponent(observing.ILogObserver, observing.New())",
    "old": "application.setComponent(observing.legacy.ILogObserver, observing.Old())",
    "added": "",
}


@pytest.mark.parametrize("kind", OBSERVERS)
def test_theApplicationsOwnObserverGetsWhatItGets(tmp_path: Path, kind: str) -> None:
    """
    Of the newer and the older kind, set in its file or added later; the log has the same
    besides.
    """
    more = OBSERVERS[kind]
    variables = {"ADDED": "1"} if kind == "added" else {}
    stock = run(Stock, tmp_path / "stock", more=more, **variables)
    cluster = run(RunningCluster, tmp_path / "cluster", more=more, **variables)
    there, here = (_ownLines(one["own"]) for one in (stock, cluster))
    assert here == there
    assert ("starting up" in str(stock["own"])) is (kind != "added")
    output = "\n".join(cluster["output"])
    assert all(text in output for text in ("hello you 'you'", "it broke", "one 2"))
    assert output.count("starting up.") == output.count("reactor class") == 1


def _ownLines(lines: Sequence[str]) -> list[str]:
    """
    Without the path of the file; a worker is told by its primary to stop, and by no
    signal.
    """
    return [
        re.sub(r"Loading .*?\.\.\.", "Loading...", line)
        for line in lines
        if "Received SIGTERM" not in line
    ]


def test_theCommandsLoggerIsTheOnlyOne(tmp_path: Path) -> None:
    """
    As under twistd: one that is given there is instead of the application's.
    """
    logger = ["--logger=observing.Both"]
    for kind in (Stock, RunningCluster):
        seen = run(kind, tmp_path / kind.__name__, logger, OBSERVERS["new"])
        assert "own" not in seen
        assert "the end" in str(seen["events"])


PTY = """
import os, sys
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol, ProcessProtocol
from twisted.logger import Logger

log, real = Logger(), os.execvpe


def execute(*arguments):
    # As whatever is logged there: by what is collected just then, or by a signal.
    log.error("said before it is another program")
    print("printed before it is another program")
    real(*arguments)


os.execvpe = execute


class Shell(ProcessProtocol):
    def __init__(self, transport):
        self.client = transport

    def childDataReceived(self, fd, data):
        self.client.write(data)

    def processEnded(self, reason):
        self.client.loseConnection()


class Serve(Protocol):
    def dataReceived(self, data):
        kind = data.strip()
        python = "import os; os.write(1, b'hello')"
        client = Shell(self.transport)
        if kind == b"pty":
            arguments = {"usePTY": True}
        else:
            # What it has is the client's, at the numbers of all that is ours.
            arguments = {
                "childFDs": {fd: self.transport.fileno() for fd in range(1, 12)}
            }
        reactor.spawnProcess(
            # With a directory it is forked, and not spawned.
            client, sys.executable, [sys.executable, "-c", python], os.environ, "/",
            **arguments
        )


serve = Factory.forProtocol(Serve)
"""


@pytest.mark.parametrize("kind", [b"pty", b"descriptors"])
def test_noClientIsToldWhatIsLogged(tmp_path: Path, kind: bytes) -> None:
    """
    Between the fork and the program that is to run, whatever the client's connection is
    there.
    """
    (tmp_path / "shell.py").write_text(PTY)
    port = freePort()
    arguments = ["--app=shell.serve", f"--listen=tcp:{port}"]
    with running(arguments, tmp_path, workers=1):
        assert ask(port, kind + b"\n") == b"hello"
