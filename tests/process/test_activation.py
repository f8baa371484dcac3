"""
Sockets that a launcher has opened: by systemd's rules, or just left open.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.process.cluster import ROOT, RunningCluster, ask, freePort
from tests.process.ports import FIXTURES
from tests.process.stock import Stock

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
        What the TCP port says.
        """
        return ask(self.port)

    def unix(self, data: bytes = b"") -> bytes:
        """
        What the UNIX port says.
        """
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(self.path))
            if data:
                client.sendall(data)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def udp(self) -> bytes:
        """
        What the one for datagrams says.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
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
