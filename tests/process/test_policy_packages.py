"""
Packages that bring a policy, as an author would make them: the one that docs/policies.md
writes, and the one in docs/examples.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.cluster import ROOT, RunningCluster, environment, freePort

pytestmark = pytest.mark.process
PAGE = (ROOT / "docs/policies.md").read_text()
EXAMPLE = ROOT / "docs/examples/policy_package"
# A path in backquotes begins the line above a block: that file's text.
FILES = re.findall(r"^`([\w./]+)`[^\n]*\n\n```\w+\n(.*?)^```$", PAGE, re.M | re.S)
STAYING = """
import os

from twisted.internet.protocol import Factory, Protocol


class Staying(Protocol):
    def connectionMade(self):
        self.transport.write(b"%d\\n" % os.getpid())


factory = Factory.forProtocol(Staying)
"""


def install(source: Path, directory: Path) -> Path:
    """
    Build a wheel, and install nothing but that.

    @return: Where it is now.
    """
    target, wheels = directory / "site", directory / "wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "wheel", "-q", "--no-deps", "-w", str(wheels), str(source)], directory)
    (wheel,) = wheels.iterdir()
    here = ["--no-index", "--no-deps", "--target", str(target), str(wheel)]
    run([*pip, "install", "-q", *here], directory)
    return target


def seeing(target: Path) -> dict[str, str]:
    """
    @return: What makes an environment where a package is installed.
    """
    paths = [str(target), environment()["PYTHONPATH"]]
    return {"PYTHONPATH": os.pathsep.join(paths)}


def run(command: list[str], directory: Path, target: Path | None = None) -> str:
    """
    @param target: Where packages are installed.
    @return: All that is printed.
    """
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment(seeing(target) if target else None),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def fill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Where the page's package is installed.
    """
    directory = tmp_path_factory.mktemp("fill")
    for name, text in FILES:
        path = directory / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return install(directory / "source", directory)


@pytest.fixture(scope="module")
def byPort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Where the example is installed.
    """
    directory = tmp_path_factory.mktemp("by-port")
    return install(shutil.copytree(EXAMPLE, directory / "source"), directory)


def installed(target: Path) -> list[str]:
    """
    The files of a package.
    """
    found = (path.relative_to(target) for path in target.rglob("*.py"))
    return sorted(map(str, found))


def commands(beginning: str) -> list[list[str]]:
    """
    Those of the page's commands that begin with something.
    """
    lines = re.findall(r"^    \$ (.*)$", PAGE, re.M)
    return [shlex.split(line) for line in lines if line.startswith(beginning)]


def test_thePagesFilesAreAPackage(fill: Path) -> None:
    """
    The four are what it takes; the plugin is where twistd finds it.
    """
    assert [name for name, _ in FILES] == [
        "cluster_fill.py",
        "twisted/plugins/cluster_fill_plugin.py",
        "pyproject.toml",
        "test_cluster_fill.py",
    ]
    plugin = "twisted/plugins/cluster_fill_plugin.py"
    assert installed(fill) == ["cluster_fill.py", plugin]


def test_thePagesTestsPass(fill: Path, tmp_path: Path) -> None:
    """
    By the command that the page gives, against what is installed.
    """
    (tmp_path / "test_cluster_fill.py").write_text(dict(FILES)["test_cluster_fill.py"])
    ((_, *arguments),) = commands("python -m unittest")
    said = run([sys.executable, *arguments], tmp_path, fill)
    assert re.search(r"^Ran 1\d tests", said, re.M), said


def test_thePagesTableIsTrue(fill: Path, tmp_path: Path) -> None:
    """
    The simulator prints what the page says.
    """
    ((_, *arguments),) = commands("python -m twisted_cluster.testing.simulate")
    printed = re.findall(r"\n\n```\n(.*?)^```$", PAGE, re.M | re.S)
    assert printed == [run([sys.executable, *arguments], tmp_path, fill)]


def test_thePagesPolicyServes(fill: Path, tmp_path: Path) -> None:
    """
    One worker is filled before the other, and who is too many waits until one goes.
    """
    port, clients = freePort(), []
    (tmp_path / "hello.py").write_text(STAYING)
    ((*_, where, policy, text),) = commands("twistd -n cluster")
    assert (where, policy) == ("tcp:8080", "--policy")
    arguments = ["--workers=2", "--app=hello.factory", f"--listen=tcp:{port}"]
    arguments += [policy, text.replace("4", "2")]
    with RunningCluster(arguments, tmp_path, seeing(fill)) as cluster:
        cluster.waitOnline(2)
        first, second = cluster.workerPids()
        for expected in (first, first, second, second):
            clients.append(socket.create_connection(("127.0.0.1", port), 5.0))
            assert int(clients[-1].recv(100)) == expected
        with socket.create_connection(("127.0.0.1", port), 0.3) as late:
            with pytest.raises(TimeoutError):
                late.recv(100)
            clients.pop(0).close()
            late.settimeout(5.0)
            assert int(late.recv(100)) == first
        for client in clients:
            client.close()


def test_badArgumentIsOneLine(fill: Path, tmp_path: Path) -> None:
    """
    What the page's plugin says of its arguments reaches the user.
    """
    for text, says in (("fill", "needs limit"), ("fill:limit=0", "from 1 up")):
        arguments = ["--app=hello.factory", "--listen=tcp:0", f"--policy={text}"]
        with RunningCluster(arguments, tmp_path, seeing(fill)) as cluster:
            assert cluster.wait() == 1
            assert says in cluster.output()


@pytest.mark.parametrize(
    "runner",
    ["unittest discover -s tests", "pytest tests", "twisted.trial tests/test_by_port.py"],
)
def test_theExamplesTestsPass(byPort: Path, tmp_path: Path, runner: str) -> None:
    """
    Whoever runs them, against what is installed.
    """
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    said = run([sys.executable, "-m", *runner.split()], tmp_path, byPort)
    assert re.search(r"Ran 1\d tests|1\d passed", said), said


def test_theExampleShipsItsPlugin(byPort: Path) -> None:
    """
    And not its tests.
    """
    plugin = "twisted/plugins/by_port_plugin.py"
    assert installed(byPort) == ["by_port/__init__.py", plugin]


def test_theExampleServes(byPort: Path, tmp_path: Path) -> None:
    """
    A package that is built and installed on its own brings a policy along.
    """
    port = freePort()
    (tmp_path / "hello.py").write_text(STAYING)
    arguments = ["--workers=2", "--app=hello.factory", f"--listen=tcp:{port}"]
    arguments += ["--policy=by-port:offset=1"]
    with RunningCluster(arguments, tmp_path, seeing(byPort)) as cluster:
        cluster.waitOnline(2)
        first, second = cluster.workerPids()
        for _ in range(8):
            with socket.create_connection(("127.0.0.1", port), 5.0) as client:
                own = client.getsockname()[1]
                assert int(client.recv(100)) == (second if own % 2 == 0 else first)
