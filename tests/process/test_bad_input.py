"""
What is wrong is said in one or two lines, with exit code 1, and nothing is left.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.process.cluster import TWISTD, RunningCluster, environment, freePort

pytestmark = pytest.mark.process

PORT = "--listen=tcp:{port}"
APP = "--app=hello.greet"


def runToItsEnd(
    directory: Path,
    arguments: Sequence[str],
    under: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """
    Run a twistd that is expected to give up by itself.

    @param under: A command that is to run it.
    """
    return subprocess.run(
        [*under, sys.executable, "-c", TWISTD, "-n", *arguments],
        cwd=directory,
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--app=nowhere.factory", PORT], "there is no module 'nowhere'"),
        (["--app=hello.nothing", PORT], "'hello' has no attribute 'nothing'"),
        (["--app=hello", PORT], "give a dotted name"),
        (["--app=hello.os", PORT], "accepted are a protocol factory"),
        (["--app=hello.greet"], "add --listen"),
        ([APP, "--listen=tcp:x"], "--listen tcp:x:"),
        ([APP, "--listen=tcp:8080:interface=nowhere"], "interface 'nowhere': "),
        ([APP, PORT, "--workers=0"], "--workers 0: give a number from 1"),
        ([APP, PORT, "--workers=-3"], "--workers -3: give a number from 1"),
        ([APP, PORT, "--workers=many"], "--workers many: give a number from 1"),
        ([APP, PORT, "--policy=best"], "there are: least-connections"),
        ([APP, PORT, "--policy=random:x=1"], "has no argument 'x'"),
        ([APP, PORT, "--reactor=nuclear"], "there is no such reactor"),
        ([APP, PORT, "--drain-timeout=-1"], "--drain-timeout -1: give a number"),
        ([APP, PORT, "--backlog=lots"], "--backlog lots: give a number"),
        ([APP, PORT, "--wrokers=2"], "option --wrokers not recognized"),
        (["nothing", "--x"], "there is no plugin 'nothing'"),
        (["cluster", "web"], "there is no plugin 'cluster'"),
        ([APP, "--listen=haproxy:"], "--listen haproxy:: it does not say what is behind"),
        ([APP, "--listen=ssl:{port}:privateKey=nowhere.pem"], "nowhere.pem'"),
        ([APP, "--listen=ssl:{port}:privateKey=hello.py"], "OpenSSL.crypto.Error: "),
        (["-y", "nowhere.tac"], "there is no such file"),
        (["-y", "."], "-y .: it is no regular file"),
        (["web", "--pth=."], "twistd web: option --pth not recognized"),
        ([], "say what to run"),
        ([APP, "-y", "x.tac"], "say what to run"),
    ],
)
def test_badInputIsExplained(app: Path, arguments: list[str], says: str) -> None:
    """
    Each mistake has its line.
    """
    given = [argument.format(port=freePort()) for argument in arguments]
    done = runToItsEnd(app, ["--pidfile=", "cluster", *given])
    assert done.returncode == 1
    assert says in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert "Traceback" not in done.stdout


def test_busyPortIsExplained(app: Path) -> None:
    """
    Nothing stays bound when one of the ports is taken.
    """
    free = freePort()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        listens = [f"--listen=tcp:{free}", f"--listen=tcp:{port}:interface=127.0.0.1"]
        with RunningCluster([APP, *listens], app) as cluster:
            assert cluster.wait() == 1
            assert f"cannot listen on tcp:{port}" in cluster.output()
            assert "Address already in use" in cluster.output()
            assert "Traceback" not in cluster.output()


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None,
    reason="only root can give a capability up",
)
def test_forbiddenPortIsExplained(app: Path) -> None:
    """
    Who may not bind a low port is told.
    """
    drop = ["setpriv", "--inh-caps=-net_bind_service", "--bounding-set=-net_bind_service"]
    arguments = ["--pidfile=", "cluster", APP, "--listen=tcp:81"]
    done = runToItsEnd(app, arguments, under=drop)
    assert done.returncode == 1
    assert "[cluster#critical] cannot listen on tcp:81: Permission denied" in done.stdout
    assert done.stderr == ("twistd cluster: cannot listen on tcp:81: Permission denied\n")
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("way", ["sys.exit", "os._exit"])
def test_theCodeIsTheApplications(app: Path, way: str) -> None:
    """
    As stock's is: who supervises the command looks at it.
    """
    (app / "odd.tac").write_text(f"import os, sys\n{way}(78)\n")
    assert runToItsEnd(app, ["--pidfile=", "-y", "odd.tac"]).returncode == 78
    with RunningCluster(["-y", "odd.tac"], app) as cluster:
        assert cluster.wait() == 78


def test_tacThatRaisesIsShownOnce(app: Path) -> None:
    """
    User code has its traceback, once.
    """
    (app / "bad.tac").write_text("1 / 0\n")
    with RunningCluster(["-y", "bad.tac"], app) as cluster:
        assert cluster.wait() == 1
        assert cluster.output().count("ZeroDivisionError: ") == 1


def test_portTakenByAnotherInAPluginIsShown(app: Path) -> None:
    """
    A worker's own listen fails as CannotListenError, and the cluster ends. Where it was
    is told of the user's code alone.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        arguments = ["web", f"--listen=tcp:{port}:interface=127.0.0.1", "--path=."]
        with RunningCluster(arguments, app) as cluster:
            assert cluster.wait() == 1
            assert "CannotListenError" in cluster.output()
            assert "Traceback" not in cluster.output()
        (app / "own.py").write_text(
            "from twisted.application.service import Service\n"
            "from twisted.internet import reactor\n\n"
            "class Own(Service):\n"
            "    def startService(self):\n"
            f"        reactor.listenTCP({port}, None, interface='127.0.0.1')\n"
        )
        with RunningCluster(["--app=own.Own"], app) as cluster:
            assert cluster.wait() == 1
            assert "own.py" in cluster.output()


def test_clusterReactorOutsideAClusterIsRefused(app: Path) -> None:
    """
    C{--reactor=cluster} in a process that is no worker says so.
    """
    faked = {"TWISTED_CLUSTER_WORKER": '{"slot": 1}'}
    done = runToItsEnd(app, ["--reactor=cluster", "web"], env=faked)
    assert done.returncode == 1
    assert "runs in workers only" in done.stdout


@pytest.mark.parametrize("wish", ["--help", "--version"])
def test_pluginIsAskedAsStockDoes(tmp_path: Path, wish: str) -> None:
    """
    What a plugin has to say of itself is all that is printed, and no failure.
    """
    stock = runToItsEnd(tmp_path, ["web", wish])
    said = runToItsEnd(tmp_path, ["cluster", "--workers=2", "web", wish])
    assert said.stdout == stock.stdout.replace("twistd -n ", "twistd ")
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize("more", [[], [APP, "--listen=tcp:8080"]])
def test_fileIsNamedBehindTheCommand(app: Path, more: list[str]) -> None:
    """
    Where it means nothing to the cluster it is not passed over.
    """
    done = runToItsEnd(app, ["-y", "server.tac", "cluster", *more])
    assert done.returncode == 1
    assert "put it behind, twistd -n cluster -y FILE" in done.stderr


def test_whereToRunHasToBeThere(app: Path) -> None:
    """
    Before anything is started: twistd would end with a traceback.
    """
    run = app / "hello.py"
    done = runToItsEnd(app, [f"--rundir={run}", "cluster", APP, "--listen=tcp:8080"])
    assert done.returncode == 1
    assert f"--rundir {run}: there is no such directory" in done.stderr
    assert len(done.stderr.splitlines()) == 2
