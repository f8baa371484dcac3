"""
Which reactor workers run on: as the process that the user would have started.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from tests.process.cluster import (
    RunningCluster,
    Stock,
    ask,
    environment,
    eventually,
    freePort,
)

pytestmark = pytest.mark.process

SERVING = '''
import asyncio
from twisted.internet.protocol import Factory, Protocol


class Tell(Protocol):
    """
    Says what it runs on.
    """

    def connectionMade(self):
        from twisted.internet import reactor

        kind = type(reactor)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        mine = loop is not None and loop is getattr(asyncio, "mine", None)
        text = f"{kind.__module__}.{kind.__qualname__} {mine}"
        self.transport.write(text.encode())
        self.transport.loseConnection()


factory = Factory.forProtocol(Tell)
'''
TAC = """
import os
from twisted.application.internet import TCPServer
from twisted.application.service import Application
import serving

application = Application("kind")
TCPServer(int(os.environ["PORT"]), serving.factory).setServiceParent(application)
"""
SERVICE = """
import os
from twisted.application.service import Application
from twisted.internet import reactor
from twisted_cluster import ClusterConfig, ClusterService

config = ClusterConfig.forFile("kind.tac", workers=1)
application = Application("cluster")
ClusterService(reactor, config).setServiceParent(application)
"""
THIRD = """
from twisted.internet.main import installReactor
from twisted.internet.selectreactor import SelectReactor


class OtherReactor(SelectReactor):
    pass


def install():
    {install}
    installReactor(OtherReactor())
"""
LAUNCHER = """
import sys
import third

third.install()
from twisted.scripts.twistd import run

sys.argv[0] = "twistd"
run()
"""
INSTALLS = {
    "its own": """
        from twisted.internet import asyncioreactor
        asyncioreactor.install()
    """,
    "on a loop of its own": """
        from twisted.internet import asyncioreactor
        asyncio.mine = asyncio.new_event_loop()
        asyncioreactor.install(asyncio.mine)
    """,
    "in the place of another": """
        from twisted.internet import asyncioreactor
        asyncio.mine = asyncio.new_event_loop()
        sys.modules.pop("twisted.internet.reactor", None)
        asyncioreactor.install(asyncio.mine)
    """,
    "poll": "from twisted.internet import pollreactor; pollreactor.install()",
}
SCRIPT = """
import asyncio, sys
{top}
from twisted_cluster import cluster
if sys.argv[2:] or cluster.isWorker:
    {below}
    from twisted.internet import reactor
    import serving
    reactor.listenTCP(int(sys.argv[1]), serving.factory)
else:
    from twisted.internet import reactor
    cluster.fork().on("exit", lambda *ending: reactor.stop())
reactor.run()
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """
    With an application that says what it runs on.
    """
    (tmp_path / "serving.py").write_text(SERVING)
    (tmp_path / "kind.tac").write_text(TAC)
    (tmp_path / "service.tac").write_text(SERVICE)
    (tmp_path / "third.py").write_text(THIRD.format(install=""))
    (tmp_path / "launch.py").write_text(LAUNCHER)
    return tmp_path


def told(port: int) -> str:
    """
    What a server says that it runs on, as soon as it does.
    """
    said = b""

    def asked() -> bytes:
        nonlocal said
        try:
            said = ask(port)
        except OSError:
            pass
        return said

    eventually(asked, "somebody serves")
    return said.decode()


@contextmanager
def process(
    command: Sequence[str], directory: Path, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """
    Any process, as long as the block lasts.
    """
    started = subprocess.Popen(
        command, cwd=directory, env=environment(env), stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        started.terminate()
        started.wait(20)


def _under(
    kind: type[RunningCluster],
    options: Sequence[str],
    arguments: Sequence[str],
    directory: Path,
) -> str:
    port = freePort()
    twistd = ("-n", "--pidfile=", *options)
    env = {"PORT": str(port)}
    with kind(arguments, directory, env=env, twistd=twistd):
        return told(port)


@pytest.mark.parametrize("options", [(), ("--reactor=poll",), ("--reactor=asyncio",)])
def test_workersHaveTheKindOfThePrimary(directory: Path, options: list[str]) -> None:
    """
    The one that twistd was told, which a process without workers would have, whether
    the primary is the command or a service.
    """
    stock = _under(Stock, options, ["-y", "kind.tac"], directory)
    command = ["--workers", "1", "-y", "kind.tac"]
    assert _under(RunningCluster, options, command, directory) == stock
    assert _under(Stock, options, ["-y", "service.tac"], directory) == stock


def test_workersHaveTheKindThatTheyAreToHave(directory: Path) -> None:
    """
    Whatever the primary has.
    """
    stock = _under(Stock, ["--reactor=select"], ["-y", "kind.tac"], directory)
    command = ["--workers", "1", "--reactor=select", "-y", "kind.tac"]
    assert _under(RunningCluster, ["--reactor=poll"], command, directory) == stock


def test_ownReactors(directory: Path) -> None:
    """
    The lean one serves without a cluster, and workers can have Twisted's as it is.
    """
    lean = _under(Stock, ["--reactor=lean"], ["-y", "kind.tac"], directory)
    assert lean == "twisted_cluster.lean.reactor.LeanReactor False"
    command = ["--workers", "1", "--reactor=epoll-stock", "-y", "kind.tac"]
    stock = _under(RunningCluster, [], command, directory)
    assert stock == "twisted.internet.epollreactor.EPollReactor False"


LAUNCHED = [sys.executable, "launch.py", "-n", "--pidfile="]


def _thirdParty(directory: Path, port: int) -> Mapping[str, str]:
    path = os.pathsep.join([environment()["PYTHONPATH"], str(directory)])
    return {"PORT": str(port), "PYTHONPATH": path}


def test_aKindWithoutAShortName(directory: Path) -> None:
    """
    It is installed by the module that it comes from.
    """
    port = freePort()
    command = [*LAUNCHED, "cluster", "--workers=1", "-y", "kind.tac"]
    with process(command, directory, _thirdParty(directory, port)):
        assert told(port) == "third.OtherReactor False"


def test_aKindThatCannotBeInstalled(directory: Path) -> None:
    """
    One line says so, and what to do.
    """
    fails = "import os; assert 'PRIMARY' in os.environ, 'there is no display'"
    (directory / "third.py").write_text(THIRD.format(install=fails))
    launcher = "import os; os.environ['PRIMARY'] = '1'\n" + LAUNCHER.replace(
        "from twisted.scripts", "del os.environ['PRIMARY']\nfrom twisted.scripts"
    )
    (directory / "launch.py").write_text(launcher)
    done = subprocess.run(
        [*LAUNCHED, "--logfile=log", "cluster", "--workers=1", "-y", "kind.tac"],
        cwd=directory,
        env=environment(_thirdParty(directory, freePort())),
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "cannot run on the reactor 'third': there is no display" in line
    assert "--reactor=NAME" in line


@pytest.mark.parametrize("how", INSTALLS)
@pytest.mark.parametrize("where", ["top", "below"])
def test_scriptsThatInstallAReactor(directory: Path, how: str, where: str) -> None:
    """
    It is what their workers run on: as without a cluster.
    """
    code = "; ".join(filter(None, map(str.strip, dedent(INSTALLS[how]).splitlines())))
    parts = {"top": "", "below": "pass", where: code}
    (directory / "script.py").write_text(SCRIPT.format(**parts))
    said = []
    for more in (["stock"], []):
        port = freePort()
        command = [sys.executable, "script.py", str(port), *more]
        with process(command, directory):
            said.append(told(port))
    stock, clustered = said
    assert clustered == stock


@pytest.mark.parametrize("how", INSTALLS)
def test_applicationsThatInstallAReactor(directory: Path, how: str) -> None:
    """
    A C{.tac} as under twistd, and what C{--app} names.
    """
    code = "import asyncio, sys\n" + dedent(INSTALLS[how]) + "\n"
    (directory / "own.tac").write_text(code + TAC)
    (directory / "own.py").write_text(code + "from serving import factory")
    stock = _under(Stock, (), ["-y", "own.tac"], directory)
    command = ["--workers", "1", "-y", "own.tac"]
    assert _under(RunningCluster, (), command, directory) == stock
    port = freePort()
    where = f"--listen=tcp:{port}:interface=127.0.0.1"
    with RunningCluster(["--workers=1", "--app=own.factory", where], directory):
        assert told(port) == stock
