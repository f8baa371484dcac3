"""
Workers are forked from a template: what becomes of them when that fails, and what they
are like.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.process.cluster import (
    ROOT,
    RunningCluster,
    allChildrenOf,
    ask,
    childrenOf,
    environment,
    eventually,
    freePort,
    isAlive,
    isTemplate,
)

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
APP = """
import json, os, random, sys
from twisted.internet.protocol import Factory, Protocol

importedBy = os.getpid()

class Tell(Protocol):
    def connectionMade(self):
        wasForked = "twisted_cluster.worker.warm.template" in sys.modules
        told = [os.getpid(), os.getppid(), wasForked, random.random()]
        told += [importedBy, self.factory.madeBy]
        self.transport.write(json.dumps(told).encode())
        self.transport.loseConnection()

def make():
    made = Factory.forProtocol(Tell)
    made.madeBy = os.getpid()
    return made
"""
TAC = """
import told
from twisted.application import service, strports

application = service.Application("told")
where = "tcp:{port}:interface=127.0.0.1"
strports.service(where, told.make()).setServiceParent(application)
"""
CHANGES = """
import os, sys

os.environ["SET"] = "here"
del os.environ["GONE"]
sys.path.insert(0, os.path.abspath("run/lib"))

def makeLater():
    import later
    assert os.environ["SET"] == "here"
    assert "GONE" not in os.environ
    return make()
"""
SCRIPT = """
import sys
from twisted.internet import reactor
from twisted_cluster import cluster

def again(worker, code, signal):
    cluster.fork() if worker.id < 3 else reactor.stop()

if cluster.isPrimary:
    cluster.on("exit", again)
    cluster.fork()
    reactor.run()
else:
    print("twisted_cluster.worker.warm.template" in sys.modules, flush=True)
"""
THREAD = """
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""


@contextmanager
def telling(
    directory: Path, *more: str, workers: int = 2, **options: dict[str, str]
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster whose workers tell what they are like.
    """
    (directory / "told.py").write_text(APP)
    port = freePort()
    listen = f"--listen=tcp:{port}:interface=127.0.0.1"
    arguments = ["--app=told.make", listen, f"--workers={workers}", *more]
    with RunningCluster(arguments, directory, **options) as cluster:
        cluster.waitOnline(workers)
        yield cluster, port


def templateOf(cluster: RunningCluster) -> int:
    """
    The one that there is.
    """
    (found,) = filter(isTemplate, allChildrenOf(cluster.pid))
    return found


class Told(NamedTuple):
    """
    What a worker tells of itself.
    """

    pid: int
    parent: int
    wasForked: bool
    number: float
    importedBy: int
    madeBy: int


def told(port: int) -> Told:
    """
    Ask one.
    """
    return Told(*json.loads(ask(port)))


def test_workersAreForked(tmp_path: Path) -> None:
    """
    They are the primary's children; no two have the same random numbers.
    """
    with telling(tmp_path) as (cluster, port):
        assert isTemplate(templateOf(cluster))
        answers = [told(port) for _ in range(4)]
        assert {one.pid for one in answers} == set(cluster.workerPids())
        assert {one.parent for one in answers} == {cluster.pid}
        assert all(one.wasForked for one in answers)
        assert len({one.number for one in answers}) == 4


def test_noTemplate(tmp_path: Path) -> None:
    """
    C{--warm=no}: each is started by itself.
    """
    with telling(tmp_path, "--warm=no") as (cluster, port):
        assert not any(map(isTemplate, allChildrenOf(cluster.pid)))
        one = told(port)
        assert one.parent == cluster.pid
        assert not one.wasForked
        assert one.importedBy == one.pid


def test_workersLookAsIfStarted(tmp_path: Path) -> None:
    """
    What C{ps} shows of a worker is the same either way.
    """
    shown = []
    for warm in ("no", "twisted"):
        with telling(tmp_path, f"--warm={warm}") as (cluster, _):
            pid = cluster.workerPids()[0]
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            told = [each for each in command.split(b"\0") if b"--listen" not in each]
            shown.append((Path(f"/proc/{pid}/comm").read_text(), told))
    assert shown[0] == shown[1]


def test_killedTemplateIsMadeAgain(tmp_path: Path) -> None:
    """
    That it is gone is said; the next worker is there all the same, and the one after
    that is forked again.
    """
    with telling(tmp_path) as (cluster, port):
        first = templateOf(cluster)
        os.kill(first, signal.SIGKILL)
        cluster.waitFor("workers are started by themselves: no template, it has ended")
        eventually(lambda: not isAlive(first), "it is gone")
        for count in (3, 4):
            os.kill(childrenOf(cluster.pid)[0], signal.SIGKILL)
            cluster.waitOnline(count)
            eventually(
                lambda: any(map(isTemplate, allChildrenOf(cluster.pid))), "another one"
            )
        assert cluster.output().count("no template") == 1
        assert told(port).parent == cluster.pid


def test_stoppedTemplateIsNotWaitedFor(tmp_path: Path) -> None:
    """
    One that does not answer: the worker is started by itself. If it does not again it is
    ended.
    """
    with telling(tmp_path) as (cluster, port):
        first = templateOf(cluster)
        os.kill(first, signal.SIGSTOP)
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitFor("not forked: it has not answered within 0.5 s")
        cluster.waitOnline(3)
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitFor("no template, it has not answered within 0.5 s")
        cluster.waitOnline(4)
        assert not isAlive(first)
        assert told(port).parent == cluster.pid


def test_reloadMakesANewTemplate(tmp_path: Path) -> None:
    """
    What was installed meanwhile is what new workers have.
    """
    with telling(tmp_path, "--reload-trial=0") as (cluster, port):
        first = templateOf(cluster)
        cluster.signal(signal.SIGHUP)
        cluster.waitFor("reloaded: all workers are of generation 2")
        eventually(lambda: not isAlive(first), "the former one is gone")
        assert templateOf(cluster) != first
        assert told(port).wasForked


def test_threadsAreNotForked(tmp_path: Path) -> None:
    """
    Where something starts a thread in every Python there is no template, and it is said
    why.
    """
    (tmp_path / "sitecustomize.py").write_text(THREAD)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    with telling(tmp_path, env=env) as (cluster, port):
        cluster.waitFor("no template, there is a thread, which a fork would not have")
        assert not told(port).wasForked
        assert cluster.output().count("no template") == 1


def test_openFilesAreNotForked(tmp_path: Path) -> None:
    """
    What is open in every Python would be closed in forks, and something else of theirs
    have its number.
    """
    text = """import os; held = open(os.fsencode(__file__) + b"\\xff", "w")\n"""
    (tmp_path / "sitecustomize.py").write_text(text)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    with telling(tmp_path, env=env) as (cluster, port):
        file = tmp_path / "sitecustomize.py"
        cluster.waitFor(rf"no template, {file}\udcff is open, which no fork would have")
        assert not told(port).wasForked


def test_templateEndsWithItsPrimary(tmp_path: Path) -> None:
    """
    However that ends.
    """
    with telling(tmp_path, "--drain-timeout=0") as (cluster, _):
        template = templateOf(cluster)
        cluster.signal(signal.SIGKILL)
        cluster.wait()
        eventually(lambda: not isAlive(template), "it ends")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_importThatHangsEndsWithThePrimary(tmp_path: Path, number: int) -> None:
    """
    A template that is not there yet hears nothing; however the primary ends.
    """
    (tmp_path / "told.py").write_text("import time\ntime.sleep(60)\n" + APP)
    listen = f"--listen=tcp:{freePort()}:interface=127.0.0.1"
    arguments = ["--app=told.make", listen, "--warm=app"]
    with RunningCluster(arguments, tmp_path) as cluster:
        eventually(
            lambda: any(map(isTemplate, allChildrenOf(cluster.pid))), "it is imported"
        )
        template = templateOf(cluster)
        cluster.signal(number)
        cluster.wait()
        eventually(lambda: not isAlive(template), "it ends")


def test_signalsToAllLeaveTheTemplate(tmp_path: Path) -> None:
    """
    It is deaf to all but SIGKILL: what the whole group is sent is not for it.
    """
    with telling(tmp_path, "--on-hup=ignore") as (cluster, _):
        template = templateOf(cluster)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            os.kill(template, number)
        os.kill(childrenOf(cluster.pid)[-1], signal.SIGKILL)
        cluster.waitOnline(3)
        assert templateOf(cluster) == template
        assert "no template" not in cluster.output()


def test_onlyWorkerOfAScriptIsForkedAgain(tmp_path: Path) -> None:
    """
    Who forks another one when it is told that the last one has ended has the same
    template.
    """
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, timeout=40
    )
    assert done.stdout.splitlines() == [b"True"] * 3, done


# The application too


def test_applicationIsImportedOnceAndMadeInEach(tmp_path: Path) -> None:
    """
    C{--warm=app}: its module is imported in the template, its factory is called in each
    worker.
    """
    with telling(tmp_path, "--warm=app") as (cluster, port):
        for one in [told(port) for _ in range(4)]:
            assert (one.parent, one.madeBy) == (cluster.pid, one.pid)
            assert one.importedBy == templateOf(cluster)


def test_whatItChangesAsItIsImportedStays(tmp_path: Path) -> None:
    """
    C{os.environ} and C{sys.path} are in each worker as if it had imported it itself;
    wherever that is to run.
    """
    (tmp_path / "run" / "lib").mkdir(parents=True)
    (tmp_path / "run" / "lib" / "later.py").touch()
    (tmp_path / "told.py").write_text(CHANGES + APP)
    listen = f"--listen=tcp:{(port := freePort())}:interface=127.0.0.1"
    arguments = ["--app=told.makeLater", listen, "--warm=app"]
    twistd = ("-n", "--pidfile=", "--rundir=run", "--umask=022")
    with RunningCluster(arguments, tmp_path, {"GONE": ""}, twistd) as cluster:
        cluster.waitOnline(1)
        assert told(port).importedBy == templateOf(cluster)


def test_programImportsAreMadeBefore(tmp_path: Path) -> None:
    """
    Of a C{.tac} file what it imports first of all; it runs in each worker.
    """
    (tmp_path / "told.py").write_text(APP)
    port = freePort()
    (tmp_path / "told.tac").write_text(TAC.format(port=port))
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    arguments = ["--warm=app", "--workers=2", "-y", str(tmp_path / "told.tac")]
    with RunningCluster(arguments, tmp_path, {"PYTHONPATH": path}) as cluster:
        cluster.waitOnline(2)
        one = told(port)
        assert (one.importedBy, one.madeBy) == (templateOf(cluster), one.pid)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (THREAD, "there is a thread, which a fork would not have"),
        (
            "from twisted.internet import reactor\n",
            "there is a reactor, which all forks would share",
        ),
        (
            "import socket\nheld = socket.socket()\n",
            "there is a socket, which all forks would share",
        ),
        (
            "held = open(__file__)\n",
            "{file} is open, which no fork would have",
        ),
        (
            "import os\nos.umask(0o27)\n",
            "it changes the umask, which each fork is handed anew",
        ),
    ],
)
def test_whatCannotBeForkedIsRefused(tmp_path: Path, text: str, why: str) -> None:
    """
    Before the first fork, with what to do.
    """
    (tmp_path / "told.py").write_text(text + APP)
    listen = f"--listen=tcp:{freePort()}:interface=127.0.0.1"
    arguments = ["--app=told.make", listen, "--warm=app"]
    with RunningCluster(arguments, tmp_path) as cluster:
        assert cluster.wait() == 1
        why = why.format(file=tmp_path / "told.py")
        said = f"--warm=app: {why}; import it later, in what makes the application, or "
        assert f"{said}give --warm=twisted" in cluster.output()
        assert "Traceback" not in cluster.output()


def test_reloadOfWhatCannotBeImportedFails(tmp_path: Path) -> None:
    """
    Nothing is lost by it: those before serve on, and are replaced when they die, as they
    were.
    """
    with telling(tmp_path, "--warm=app", "--reload-trial=0") as (cluster, port):
        before = {told(port).pid for _ in range(4)}
        (tmp_path / "told.py").write_text("import nothing_there\n" + APP)
        cluster.signal(signal.SIGHUP)
        cluster.waitFor("reload failed: ")
        cluster.waitFor("the workers of before serve on")
        assert "No module named 'nothing_there'" in cluster.output()
        assert {told(port).pid for _ in range(4)} == before
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitOnline(3)
        assert told(port).wasForked
