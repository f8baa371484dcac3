"""
Sockets that a launcher has opened: by systemd's rules, or just left open.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.process.cluster import (
    PATIENCE,
    READY,
    ROOT,
    RunningCluster,
    ask,
    environment,
    eventually,
    freePort,
    isAlive,
)
from tests.process.ports import FIXTURES
from tests.process.surrounding import Stock

pytestmark = pytest.mark.process
LAUNCHER = str(FIXTURES / "launcher.py")
TAC = str(FIXTURES / "activated.tac")
HTTP = b"GET /there HTTP/1.0\r\n\r\n"


class Opened:
    """
    A TCP port, a UNIX one and one for datagrams, which this process has open, as systemd
    has.
    """

    def __init__(self, directory: Path) -> None:
        self.port, self.datagrams = freePort(), freePort()
        self.path = directory / "sock"
        self.sockets = [
            socket.create_server(("127.0.0.1", self.port)),
            socket.socket(socket.AF_UNIX),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        ]
        self.sockets[1].bind(str(self.path))
        self.path.chmod(0o600)
        self.sockets[1].listen()
        self.sockets[2].bind(("127.0.0.1", self.datagrams))

    @property
    def numbers(self) -> list[int]:
        """
        What is passed.
        """
        return [one.fileno() for one in self.sockets]

    @property
    def under(self) -> Sequence[str]:
        """
        What becomes the cluster.
        """
        named = zip(("web", "sock", "dns"), self.numbers)
        return [sys.executable, LAUNCHER, *(f"{n}={fd}" for n, fd in named), "--"]

    def said(self) -> list[tuple[str, str]]:
        """
        What each says: the pid of who serves, and what else.
        """
        return [_parted(one()) for one in (self.tcp, self.unix, self.udp)]

    def tcp(self) -> bytes:
        """
        What the TCP port says, which may be open long before anybody serves it.
        """
        return ask(self.port, timeout=PATIENCE)

    def unix(self, data: bytes = b"") -> bytes:
        """
        What the UNIX port says.
        """
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(self.path))
            if data:
                client.sendall(data)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def udp(self) -> bytes:
        """
        What the one for datagrams says.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.sendto(b"?", ("127.0.0.1", self.datagrams))
            return client.recv(4096)

    def close(self) -> None:
        """
        They are needed no more.
        """
        for one in self.sockets:
            one.close()


def _parted(said: bytes) -> tuple[str, str]:
    pid, _, rest = said.decode().partition(" ")
    return pid, rest


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """
    What a launcher has.
    """
    made = Opened(tmp_path)
    yield made
    made.close()


def launched(
    there: Opened,
    arguments: Sequence[str],
    directory: Path,
    kind: type[RunningCluster] = RunningCluster,
    **env: str,
) -> RunningCluster:
    """
    Started by a launcher.
    """
    return kind(arguments, directory, env, under=there.under, passing=there.numbers)


@pytest.mark.parametrize("policy", ["round-robin", "none"])
@pytest.mark.parametrize("way", ["own", "index", "name", "fd"])
def test_applicationsFindThem(
    tmp_path: Path, opened: Opened, way: str, policy: str
) -> None:
    """
    At the same numbers, by the same names, with the same C{getHost()}; connections are
    balanced; afterwards they are as they were.
    """
    env = {"WAY": way, **({"UNSAID": "1"} if way == "fd" else {})}
    arguments = ["--workers=2", f"--policy={policy}", "-y", TAC]
    with launched(opened, arguments, tmp_path, **env) as cluster:
        cluster.waitOnline(2)
        workers = {str(pid) for pid in cluster.workerPids()}
        said = opened.said()
        assert {pid for pid, _ in said} <= workers
        if policy == "round-robin":
            assert {_parted(opened.tcp())[0] for _ in range(2)} == workers
            assert {_parted(opened.unix())[0] for _ in range(2)} == workers
        assert "Traceback" not in cluster.output()
    assert stat.S_IMODE(opened.path.stat().st_mode) == 0o600
    with launched(opened, ["-y", TAC], tmp_path, Stock, **env) as stock:
        stock.waitFor("Answer starting on")
        assert [rest for _, rest in opened.said()] == [rest for _, rest in said]


@pytest.mark.parametrize(
    ("tcp", "unix"),
    [
        ("systemd:domain=INET:index=0", "systemd:domain=UNIX:index=1"),
        ("systemd:domain=INET:name=web", "systemd:domain=UNIX:name=sock"),
        ("fd:3", "fd:4"),
    ],
)
@pytest.mark.parametrize("run", ["app", "plugin", "held plugin"])
def test_clusterListensOnThem(
    tmp_path: Path, opened: Opened, tcp: str, unix: str, run: str
) -> None:
    """
    With C{--listen}, for an application and for a plugin, and by the plugin's own option.
    """
    (tmp_path / "there").write_text("it is")
    listen = [f"--listen={tcp}", f"--listen={unix}"]
    web = ["web", f"--listen={tcp}", "--path=."]
    what = {"app": ["--app=demo.Page", *listen], "plugin": web}
    what["held plugin"] = [listen[0], *web]
    env = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "docs" / "examples")])}
    arguments = ["--workers=2", *what[run]]
    with launched(opened, arguments, tmp_path, **env) as cluster:
        cluster.waitOnline(2)
        assert b"200 OK" in ask(opened.port, HTTP)
        if run == "app":
            assert b"200 OK" in opened.unix(HTTP)
        else:
            assert b"it is" in ask(opened.port, HTTP)
        assert cluster.output().count("listening on") == (2 if run == "app" else 1)
    assert opened.path.exists()
    # It listens still, and nobody else has it.
    with socket.create_connection(("127.0.0.1", opened.port), 5):
        opened.sockets[0].settimeout(5)
        opened.sockets[0].accept()[0].close()


class RunningScript(RunningCluster):
    """
    A script that forks itself, or an embedding C{.tac} file.
    """

    PLUGIN = ()


def test_replacementsFindThem(tmp_path: Path, opened: Opened) -> None:
    """
    A worker that is killed is replaced by one that listens there; who has come meanwhile
    is served.
    """
    arguments = ["--workers=1", "-y", TAC]
    with launched(opened, arguments, tmp_path, WAY="own") as cluster:
        cluster.waitOnline(1)
        before = {pid for pid, _ in opened.said()}
        os.kill(cluster.workerPids()[0], signal.SIGKILL)
        after = {pid for pid, _ in opened.said()}
        assert len(before) == len(after) == 1
        assert before != after


def test_daemonsFindThem(tmp_path: Path, opened: Opened) -> None:
    """
    The process that systemd has started is not the one that goes on.
    """
    pidFile, log = tmp_path / "pid", tmp_path / "log"
    daemon = RunningCluster(
        ["--workers=1", "-y", TAC],
        tmp_path,
        {"WAY": "name"},
        [f"--pidfile={pidFile}", f"--logfile={log}"],
        under=opened.under,
        passing=opened.numbers,
    )
    with daemon:
        assert daemon.wait() == 0
        try:
            eventually(lambda: log.exists() and READY in log.read_text(), "it is up")
            assert len({pid for pid, _ in opened.said()}) == 1
        finally:
            pid = int(pidFile.read_text())
            os.kill(pid, signal.SIGTERM)
            eventually(lambda: not isAlive(pid), "it has ended")


def test_embeddedClustersListenOnThem(tmp_path: Path, opened: Opened) -> None:
    """
    A C{.tac} file's own service, by name, and by a number of its own.
    """
    (tmp_path / "embedding.tac").write_text(EMBEDDING)
    env = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "docs" / "examples")])}
    arguments = ["-y", "embedding.tac"]
    with launched(opened, arguments, tmp_path, RunningScript, **env) as cluster:
        cluster.waitOnline(1)
        assert b"200 OK" in ask(opened.port, HTTP)
        own = re.findall(r"127\.0\.0\.1 port (\d+)", cluster.output())
        assert len(own) == 2
        for port in own:
            assert b"200 OK" in ask(int(port), HTTP)


EMBEDDING = """
import socket

from twisted.application.service import Application
from twisted.internet import reactor

from twisted_cluster import ClusterConfig, ClusterService

application = Application("embedding")
application.own = own = socket.create_server(("127.0.0.1", 0))
listen = ["systemd:domain=INET:name=web", f"fd:{own.fileno()}"]
config = ClusterConfig.forApp("demo.Page", listen=listen, workers=1)
ClusterService(reactor, config).setServiceParent(application)
"""


def test_scriptsFindThem(tmp_path: Path, opened: Opened) -> None:
    """
    Workers of a script that forks itself have what the script would have.
    """
    script = [sys.executable, str(FIXTURES / "activated.py")]
    said = {}
    for arguments in ([], ["stock"]):
        process = subprocess.Popen(
            [*opened.under, *script, *arguments],
            env=environment(),
            pass_fds=opened.numbers,
            stdout=subprocess.DEVNULL,
        )
        try:
            served = [_parted(opened.tcp()) for _ in range(4)]
        finally:
            process.terminate()
            process.wait(20)
        (said[len(arguments)],) = {rest for _, rest in served}
        pids = {int(pid) for pid, _ in served}
        assert (process.pid in pids) == bool(arguments)
    assert said[0] == said[1]


def test_rawUseIsMentioned(tmp_path: Path, opened: Opened) -> None:
    """
    What a worker has at such a number only stands for the port; with C{--policy none} it
    is the port.
    """
    (tmp_path / "raw.tac").write_text(RAW)
    mention = "nobody is ever connected to descriptor 3"
    with launched(opened, ["--workers=1", "-y", "raw.tac"], tmp_path) as cluster:
        cluster.waitOnline(1)
        cluster.waitFor(mention)
    arguments = ["--workers=1", "--policy=none", "-y", "raw.tac"]
    with launched(opened, arguments, tmp_path) as cluster:
        cluster.waitOnline(1)
        assert opened.tcp() == b"raw"
        assert mention not in cluster.output()


RAW = """
import socket
import threading

from twisted.application.service import Application

application = Application("raw")
raw = socket.socket(fileno=3)
raw.setblocking(True)
raw.listen()


def serve():
    while True:
        accepted, _ = raw.accept()
        accepted.sendall(b"raw")
        accepted.close()


threading.Thread(target=serve, daemon=True).start()
"""
