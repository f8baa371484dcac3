"""
C{--warm=app}: the application is imported before workers are forked.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.process.cluster import (
    ROOT,
    RunningCluster,
    freePort,
)
from tests.process.telling import APP, THREAD, telling, templateOf, told

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
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
