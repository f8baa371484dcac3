"""
A symbolic link to the release that runs is switched to the next one: replacements run
what they did before.
"""

from __future__ import annotations

import os
import shutil
import signal
import site
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.scripts import run
from tests.process.cluster import ROOT, RunningCluster, ask, freePort
from tests.process.facts import LAUNCHER, TAC, Facts, factsOf

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


@pytest.fixture
def current(tmp_path: Path) -> Path:
    """
    A link to the first of two releases.
    """
    for number in ("1", "2"):
        release = tmp_path / "releases" / number
        (release / "bin").mkdir(parents=True)
        (release / "library").mkdir()
        (release / "library" / "which.py").write_text(f"RELEASE = {number}\n")
        (release / "app.tac").write_text(
            TAC.read_text()
            + f"import which\nfirst.update(tac={number}, library=which.RELEASE)\n"
        )
    link = tmp_path / "current"
    link.symlink_to("releases/1")
    for number in ("1", "2"):
        text = f"import sys\nsys.path.insert(1, {str(link / 'library')!r})\n"
        launcher = tmp_path / "releases" / number / "bin" / "twistd"
        launcher.write_text(text + LAUNCHER)
    return link


def switch(link: Path) -> None:
    """
    Deploy the second, as it is usually done.
    """
    other = link.with_name("next")
    other.symlink_to("releases/2")
    other.rename(link)


def replacedAfter(
    deploy: Callable[[Path], object], current: Path, python: str, directory: Path
) -> Facts:
    def meanwhile(cluster: RunningCluster) -> None:
        deploy(current)
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitOnline(2)

    path = os.pathsep.join([str(ROOT), *site.getsitepackages()])
    return factsOf(
        RunningCluster,
        [str(current / "bin" / "twistd")],
        directory,
        tac=current / "app.tac",
        meanwhile=meanwhile,
        python=python,
        env={"PYTHONPATH": path},
    )["first"]


def test_replacementsRunWhatRan(current: Path, tmp_path: Path) -> None:
    """
    The same file, the same libraries, the same environment of Python; but for the link
    the paths stay as they were given.
    """
    for number in ("1", "2"):
        venv.create(tmp_path / "releases" / number / "venv", symlinks=True)
    python = str(current / "venv" / "bin" / "python")
    told = replacedAfter(lambda _: None, current, python, current)
    assert (told["tac"], told["library"]) == (1, 1)
    assert str(current / "library") in told["path"]
    assert told["prefix"] == str(current / "venv")
    told = replacedAfter(switch, current, python, current)
    assert (told["tac"], told["library"]) == (1, 1)
    assert told["prefix"] == str(tmp_path / "releases" / "1" / "venv")
    assert told["directory"] == str(tmp_path / "releases" / "1")


def test_releaseThatIsGoneIsNotMissed(current: Path, tmp_path: Path) -> None:
    """
    Who removes the old one with the switch gets replacements from the new one.
    """

    def deploy(current: Path) -> None:
        switch(current)
        shutil.rmtree(tmp_path / "releases" / "1")

    told = replacedAfter(deploy, current, sys.executable, tmp_path)
    assert (told["tac"], told["library"]) == (2, 2)


@pytest.mark.parametrize("kind", ["file", "app"])
def test_aReleaseThatWasEnteredIsNotMissed(current: Path, kind: str) -> None:
    """
    C{cd current; twistd cluster -y app.tac}: the shell says, in PWD, by which link.
    """
    for number in ("1", "2"):
        (current.parent / "releases" / number / "hello.py").write_text(
            "from twisted.internet.protocol import Factory, Protocol\n"
            "import which\n"
            "class Hello(Protocol):\n"
            "    def connectionMade(self):\n"
            f"        self.transport.write(b'{number}%d' % which.RELEASE)\n"
            "        self.transport.loseConnection()\n"
            "factory = Factory.forProtocol(Hello)\n"
        )
        (current.parent / "releases" / number / "app.tac").write_text(
            "import os, sys\n"
            "sys.path.append(os.path.dirname(__file__))\n"
            "from twisted.application import service, strports\n"
            "from hello import factory\n"
            "application = service.Application('hello')\n"
            "strports.service(os.environ['PORT'], factory)"
            ".setServiceParent(application)\n"
        )
    port = freePort()
    listen = f"tcp:{port}:interface=127.0.0.1"
    # Below the working directory, where Python sees no link.
    env = {
        "PWD": str(current),
        "PORT": listen,
        "PYTHONPATH": f"{ROOT}:{current.resolve() / 'library'}",
    }
    run = ["--app=hello.factory", "--listen", listen]
    arguments = ["--workers=1", *(run if kind == "app" else ["-y", "app.tac"])]
    with RunningCluster(arguments, current, env) as cluster:
        cluster.waitOnline(1)
        assert ask(port) == b"11"
        switch(current)
        shutil.rmtree(current.parent / "releases" / "1")
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        cluster.waitOnline(2)
        assert ask(port) == b"22"


def test_scriptsForkWhatTheyAre(tmp_path: Path) -> None:
    """
    A script runs itself again, and what lies beside it, until it says C{exec} anew.
    """
    for number in ("1", "2"):
        release = tmp_path / "releases" / number
        release.mkdir(parents=True)
        (release / "which.py").write_text(f"RELEASE = {number}\n")
    link = tmp_path / "current"
    link.symlink_to("releases/1")
    script = run(
        """
        import shutil, which
        from pathlib import Path

        def fork():
            worker = cluster.fork()
            worker.on("message", lambda told: say("worker", **told))
            return worker.when("exit")

        async def scene():
            shutil.copy(__file__, "releases/2")
            await fork()
            os.symlink("releases/2", "next")
            os.rename("next", "current")
            await fork()
            cluster.setupPrimary(exec=os.path.abspath("current/script.py"))
            await fork()

        if cluster.isPrimary:
            play(scene)
        else:
            told = {"release": which.RELEASE, "file": __file__, "path": sys.path}
            cluster.worker.send(told)
            cluster.worker.disconnect()
        reactor.run()
        """,
        tmp_path,
        name="current/script.py",
    )
    assert [told["release"] for told in script.of("worker")] == [1, 1, 2]
    files = [told["file"] for told in script.of("worker")]
    first = tmp_path / "releases" / "1" / "script.py"
    assert files == [str(link / "script.py"), str(first), str(link / "script.py")]
    for told in script.of("worker"):
        release = tmp_path / "releases" / str(told["release"])
        assert told["path"][0] == str(release)
        others = [each for each in told["path"] if "releases" in each]
        assert others == [str(release)]
