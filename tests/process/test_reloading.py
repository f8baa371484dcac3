"""
New workers for all, while clients come and go.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import ask, childrenOf, eventually, isAlive
from tests.process.loading.crowd import Plan
from tests.process.loading.load import Load
from tests.process.loading.outcome import inWords
from tests.process.verbs import Told, told

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

SITE = """
import os
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site

class Page(Resource):
    isLeaf = True

    def render_GET(self, request):
        request.setHeader("X-Release", {release!r})
        return b"%d\\n\\nend\\n" % os.getpid()

class Quiet(Site):
    noisy = False

    def log(self, request):
        pass

site = Quiet(Page())
"""
GET = b"GET / HTTP/1.0\r\n\r\n"


def deploy(directory: Path, release: int, more: str = "") -> None:
    """
    Put the application there.

    @param more: What it does besides, at last.
    """
    text = SITE.replace("{release!r}", repr(str(release))) + more
    (directory / "deployed.py").write_text(text)


def releaseOf(port: int) -> int:
    """
    Which release serves somebody who comes now.
    """
    head = ask(port, GET).partition(b"\r\n\r\n")[0]
    return int(head.partition(b"X-Release: ")[2].split()[0])


@contextmanager
def deployed(
    directory: Path, workers: int, mayFail: int = 0, **settings: object
) -> Iterator[tuple[Told, Load]]:
    """
    A cluster under load, of which no request fails.

    @param mayFail: But so many, which a worker had in its hands as it ended.
    """
    deploy(directory, 1)
    settings = {"reloadTrial": 0.5, **settings}
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    with told(directory, workers, "deployed.site", env, **settings) as cluster:
        with Load(Plan(("127.0.0.1", cluster.port), 8, 8, 0.05)) as load:
            assert load.untilServed(100)
            yield cluster, load
            assert load.untilServed(100)
        assert load.outcome.failed <= mayFail, inWords(load.outcome)
        assert load.outcome.worst < 2.0


def test_nothingIsLost(tmp_path: Path) -> None:
    """
    Again and again, with clients that connect for each request and others that stay.
    """
    with deployed(tmp_path, 2, reloadTrial=0.1) as (cluster, _):
        for release in range(2, 6):
            deploy(tmp_path, release)
            before = set(cluster.workerPids())
            *progress, last = cluster.tell("reload")
            assert last == ["done", "None"]
            assert len([line for _, line in progress if "ready after" in line]) == 2
            assert {releaseOf(cluster.port) for _ in range(6)} == {release}
            assert not before & set(cluster.workerPids())
            eventually(lambda: len(childrenOf(cluster.pid)) == 2, "the old ones are gone")


def test_oneWorkerIsEnough(tmp_path: Path) -> None:
    """
    Its successor is there before it leaves.
    """
    with deployed(tmp_path, 1) as (cluster, _):
        deploy(tmp_path, 2)
        assert cluster.tell("reload")[-1] == ["done", "None"]
        assert releaseOf(cluster.port) == 2


BAD: Mapping[str, str] = {
    "SyntaxError": "this is no Python\n",
    "no such table": "raise LookupError('no such table')\n",
    "deployed.site": "del site\n",
    "exited with 7": "raise SystemExit(7)\n",
    "died of SIGKILL": "os.kill(os.getpid(), 9)\n",
    "exited with 3": "reactor.callLater(0.3, os._exit, 3)\n",
    "ValueError: bad price": """
def fail():
    try:
        raise ValueError("bad price")
    finally:
        reactor.stop()
reactor.callLater(0.2, fail)
""",
    "it has shown no life": "import time\nreactor.callLater(0.2, time.sleep, 1000)\n",
    "it does not listen on tcp:": """
from twisted.application.service import Service
site = Service()
""",
}


def test_badDeploysChangeNothing(tmp_path: Path) -> None:
    """
    One after the other: the old workers serve on; who has asked for the reload is told
    why it failed.
    """
    with deployed(tmp_path, 2, reloadTrial=2.0, drainTimeout=2.0) as (cluster, _):
        before = cluster.workerPids()
        for why, more in BAD.items():
            deploy(tmp_path, 2, more)
            *_, (what, said) = cluster.tell("reload")
            assert what == "CommandError"
            assert why in said, said
            assert "the workers of before serve on" in said.splitlines()[0]
            assert releaseOf(cluster.port) == 1
            assert all(map(isAlive, before))
        eventually(lambda: len(childrenOf(cluster.pid)) == 2, "the new ones are gone")
        # What is good then is taken.
        deploy(tmp_path, 3)
        assert cluster.tell("reload")[-1] == ["done", "None"]
        assert releaseOf(cluster.port) == 3


def test_startThatHangsIsABadDeploy(tmp_path: Path) -> None:
    """
    It is killed when its time is over.
    """
    with deployed(tmp_path, 1, startTimeout=8) as (cluster, _):
        deploy(tmp_path, 2, "import time\ntime.sleep(1000)\n")
        *_, (what, said) = cluster.tell("reload", patience=40.0)
        assert what == "CommandError"
        assert "had not started within 8 s" in said
        assert releaseOf(cluster.port) == 1


def test_tracebackIsTold(tmp_path: Path) -> None:
    """
    All of it, to who has asked for the reload.
    """
    with deployed(tmp_path, 1) as (cluster, _):
        deploy(tmp_path, 2, "def fail():\n    return 1 / 0\nfail()\n")
        _, said = cluster.tell("reload")[-1]
        assert "Traceback (most recent call last)" in said
        assert "deployed.py" in said
        assert "ZeroDivisionError" in said


def test_portsMayGoWhereThatIsMeant(tmp_path: Path) -> None:
    """
    Who says so has a release that listens elsewhere.
    """
    deploy(tmp_path, 1)
    with told(tmp_path, 1, "deployed.site", reloadTrial=0.1) as cluster:
        more = "from twisted.application.service import Service\nsite = Service()\n"
        deploy(tmp_path, 2, more)
        assert cluster.tell("reload", {"missingPorts": True})[-1] == ["done", "None"]


ONLY_ONE = """
if not os.path.exists("first"):
    open("first", "w").close()
else:
    raise LookupError("only one may")
"""


def test_laterOnesThatFailAreUndone(tmp_path: Path) -> None:
    """
    Also where an old worker has left already: there is one again, in the old release.
    """
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
    deploy(tmp_path / "1", 1)
    deploy(tmp_path / "2", 2, ONLY_ONE)
    directory = tmp_path / "1"
    with told(directory, 2, "deployed.site", reloadTrial=0.2) as cluster:
        with Load(Plan(("127.0.0.1", cluster.port), 8, 8)) as load:
            assert load.untilServed(50)
            *_, (what, said) = cluster.tell("reload", {"directory": str(tmp_path / "2")})
            assert what == "CommandError"
            assert "only one may" in said
            assert {releaseOf(cluster.port) for _ in range(6)} == {1}
            assert load.untilServed(50)
        assert not load.outcome.failed, inWords(load.outcome)


def test_anotherDirectory(tmp_path: Path) -> None:
    """
    The new ones run there, and so do those that replace them; what is no directory is
    refused.
    """
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        deploy(tmp_path / str(number), number)
    with told(tmp_path / "1", 2, "deployed.site", reloadTrial=0.1) as cluster:
        *_, refused = cluster.tell("reload", {"directory": str(tmp_path / "3")})
        where = tmp_path / "3"
        why = f"nobody can run in {where}: No such file or directory"
        assert refused == ["CommandError", why]
        ended = cluster.tell("reload", {"directory": str(tmp_path / "2")})
        assert ended[-1] == ["done", "None"]
        assert {releaseOf(cluster.port) for _ in range(6)} == {2}
        for pid in cluster.workerPids():
            assert Path(f"/proc/{pid}/cwd").resolve() == tmp_path / "2"
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitOnline(5)
        assert {releaseOf(cluster.port) for _ in range(6)} == {2}


def test_switchedLinkIsFollowed(tmp_path: Path) -> None:
    """
    With C{--follow-symlink} a reload is a deployment; until then who is replaced is as
    before.
    """
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        deploy(tmp_path / str(number), number)
    link = tmp_path / "current"
    link.symlink_to("1")
    env = {"PWD": str(link)}
    settings = {"reloadTrial": 0.1, "followSymlink": True}
    with told(link, 1, "deployed.site", env, **settings) as cluster:
        other = tmp_path / "next"
        other.symlink_to("2")
        other.rename(link)
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitOnline(2)
        assert releaseOf(cluster.port) == 1
        assert cluster.tell("reload")[-1] == ["done", "None"]
        assert releaseOf(cluster.port) == 2
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitOnline(4)
        assert releaseOf(cluster.port) == 2


def test_supersededByALaterOne(tmp_path: Path) -> None:
    """
    Who waits for the first is told so.
    """
    with deployed(tmp_path, 2, startTimeout=30) as (cluster, _):
        deploy(tmp_path, 2, "import time\ntime.sleep(1000)\n")
        with cluster.telling("reload") as first:
            eventually(lambda: len(childrenOf(cluster.pid)) == 3, "it has begun")
            deploy(tmp_path, 3)
            assert cluster.tell("reload")[-1] == ["done", "None"]
            last = list(first)[-1]
        assert last == ["CommandError", "superseded by a later reload"]
        assert releaseOf(cluster.port) == 3


def test_stopEndsAReload(tmp_path: Path) -> None:
    """
    At once; it need not be waited for.
    """
    deploy(tmp_path, 1)
    with told(tmp_path, 1, "deployed.site") as cluster:
        deploy(tmp_path, 2, "import time\ntime.sleep(1000)\n")
        with cluster.telling("reload"):
            eventually(lambda: len(childrenOf(cluster.pid)) == 2, "it has begun")
            cluster.stop()
        assert "the cluster stops" in cluster.output()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"step": "none"}, "step none: give a number, 1 or more, or such as 25%"),
        ({"canary": "0%"}, "canary 0%: give a number, 1 or more, or such as 25%"),
        ({"canary": "10%", "seconds": 0}, "for 0 s: give a number above 0"),
    ],
)
def test_whatCannotBeIsRefused(tmp_path: Path, how: object, why: str) -> None:
    """
    And nothing changes.
    """
    deploy(tmp_path, 1)
    with told(tmp_path, 1, "deployed.site") as cluster:
        assert cluster.tell("reload", how) == [["CommandError", why]]


# Canary


def test_canaryIsPromoted(tmp_path: Path) -> None:
    """
    It has its share for a while, beside all the others; if it is well all are renewed.
    """
    with deployed(tmp_path, 2) as (cluster, load):
        deploy(tmp_path, 2)
        with cluster.telling("reload", {"canary": "25%", "seconds": 2.0}) as said:
            lines = iter(said)
            while "25% of the connections for 2 s" not in next(lines)[1]:
                pass
            assert load.untilServed(50)
            releases = [releaseOf(cluster.port) for _ in range(40)]
            assert 2 <= releases.count(2) <= 20
            rest = list(lines)
        assert rest[-1] == ["done", "None"]
        health = next(line for _, line in rest if line.startswith("canary: 1 worker"))
        assert "; the others: 2 workers, " in health
        assert releaseOf(cluster.port) == 2


COMPLAINS = """
from twisted.logger import Logger
Page.render_GET_ = Page.render_GET

def render_GET(self, request):
    Logger().error("no such price")
    return self.render_GET_(request)

Page.render_GET = render_GET
"""


@pytest.mark.parametrize(
    ("more", "why", "mayFail"),
    [
        (COMPLAINS, "the canary fares worse: ", 0),
        # Its share of the clients is a quarter.
        ("reactor.callLater(1.5, os._exit, 3)\n", "exited with 3", 4),
    ],
)
def test_canaryIsWorse(tmp_path: Path, more: str, why: str, mayFail: int) -> None:
    """
    It goes, with the numbers, and nobody else has: who exits takes along what it serves.
    """
    with deployed(tmp_path, 2, mayFail) as (cluster, _):
        before = cluster.workerPids()
        deploy(tmp_path, 2, more)
        given = {"canary": "25%", "seconds": 3.0}
        *lines, (what, said) = cluster.tell("reload", given)
        assert what == "CommandError"
        assert why in said, said
        assert any(line.startswith("canary: 1 worker, ") for _, line in lines)
        assert all(map(isAlive, before))


# One worker


def test_drainedWorkerIsReplacedFirst(tmp_path: Path) -> None:
    """
    Also the only one, under load.
    """
    with deployed(tmp_path, 1) as (cluster, _):
        (before,) = cluster.workerPids()
        assert cluster.tell("drain", 1)[-1] == ["done", "None"]
        assert not isAlive(before)
        assert cluster.tell("drain", 1) == [
            ["CommandError", "there is no worker with the id 1"],
        ]


def test_drainedWorkerStaysWithoutSuccessor(tmp_path: Path) -> None:
    """
    Who has asked is told why.
    """
    with deployed(tmp_path, 1) as (cluster, _):
        (before,) = cluster.workerPids()
        deploy(tmp_path, 2, "raise LookupError('no such table')\n")
        *_, (what, said) = cluster.tell("drain", 1)
        assert what == "CommandError"
        assert said.startswith(f"worker 1 ({before}) stays: worker 1 (")
        assert "no such table" in said
        assert isAlive(before)
