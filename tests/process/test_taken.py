"""
Ports that the cluster has and nobody serves, and those that it should have and others
have.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, ask, eventually, freePort, running
from tests.process.ports import isRefused
from tests.process.surrounding import Stock

pytestmark = pytest.mark.process
FIXTURES = Path(__file__).parent / "fixtures"
OUTSIDE = str(FIXTURES / "outside.tac")
linux = pytest.mark.skipif(sys.platform != "linux", reason="others do not tell")
WAYS = ["asyncio", "thread", "child", "later"]


def test_aPortThatNobodyJoinedIsSaidAndClosed(tmp_path: Path) -> None:
    """
    The warning names it, and where the application listens; clients are refused then.
    """
    unjoined, served, path = freePort(), freePort(), tmp_path / "socket"
    listens = [f"--listen=tcp:{unjoined}", f"--listen=unix:{path}"]
    plugin = ["web", f"--listen=tcp:{served}", "--path=."]
    with running([*listens, *plugin], tmp_path) as cluster:
        for name in (f"tcp:{unjoined}", f"unix:{path}"):
            cluster.waitFor(
                f"--listen {name}: no worker listens there, but on tcp:{served}: "
                "it is closed"
            )
        eventually(lambda: isRefused(unjoined), "it is closed")
        eventually(lambda: isRefused(str(path)), "so is the other")
        assert b"200 OK" in ask(served, b"GET / HTTP/1.0\r\n\r\n")


def test_whatIsServedIsNotComplainedOf(tmp_path: Path) -> None:
    """
    C{--listen} before the plugin's name and behind it mean one port, and with C{--app}
    one is enough.
    """
    port, other = freePort(), freePort()
    both = [f"--listen=tcp:{port}", "web", f"--listen=tcp:{port}", "--path=."]
    with running(both, tmp_path) as cluster:
        assert b"200 OK" in ask(port, b"GET / HTTP/1.0\r\n\r\n")
        assert "no worker listens" not in cluster.output()
    (tmp_path / "quoting.py").write_text(
        "from twisted.internet.protocol import Factory\n"
        "from twisted.protocols.wire import QOTD\n"
        "factory = Factory.forProtocol(QOTD)\n"
    )
    app = ["--app=quoting.factory", f"--listen=tcp:{other}"]
    with running(app, tmp_path) as cluster:
        assert ask(other)
        assert "no worker listens" not in cluster.output()


def outside(way: str, port: int) -> tuple[Sequence[str], dict[str, str]]:
    reactor = ["--reactor=asyncio"] if way == "later" else []
    return reactor, {"WAY": way, "PORT": str(port)}


@linux
@pytest.mark.parametrize("way", [*WAYS, "mixed"])
def test_thePortOfAnotherWorkerIsSaid(tmp_path: Path, way: str) -> None:
    """
    The second worker's complaint is explained: the first one has opened the port by
    itself, or a program that it has started.
    """
    port = freePort()
    reactor, env = outside(way, port)
    given = ["--workers=2", *reactor, "-y", OUTSIDE]
    with RunningCluster(given, tmp_path, env) as cluster:
        cluster.waitFor(f"tcp:{port} is taken by ")
        who = "a child of worker 1 (pid " if way == "child" else "worker 1 itself (pid "
        assert f"tcp:{port} is taken by {who}" in cluster.output()
        assert "it was not opened through Twisted's reactor" in cluster.output()
        assert "see docs/start" in cluster.output()


@pytest.mark.parametrize("way", WAYS)
def test_oneProcessMayOpenThemItself(tmp_path: Path, way: str) -> None:
    """
    Stock twistd has no other worker.
    """
    port = freePort()
    reactor, env = outside(way, port)
    with Stock(["-y", OUTSIDE], tmp_path, env, [*reactor, "-n", "--pidfile="]) as stock:
        eventually(lambda: not isRefused(port), "it listens")
        assert "in use" not in stock.output()


@linux
def test_theProcessThatHasAPortIsNamed(tmp_path: Path) -> None:
    """
    To an application that asks for it, and where the cluster itself is to have it.
    """
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        who = f"tcp:{port} is taken by another process (pid {os.getpid()}, "
        arguments = ["--workers=2", "-y", OUTSIDE]
        with RunningCluster(arguments, tmp_path, outside("reactor", port)[1]) as cluster:
            assert cluster.wait() == 1
            assert f"Couldn't listen on 127.0.0.1:{port}: " in cluster.output()
            assert who in cluster.output()
        held = [f"--listen=tcp:{port}", *arguments]
        with RunningCluster(held, tmp_path, outside("reactor", port)[1]) as cluster:
            assert cluster.wait() == 1
            assert f"cannot listen on tcp:{port}: Address already in use: {who}" in (
                cluster.output()
            )


def test_anotherInterfaceIsTheClustersOwn(tmp_path: Path) -> None:
    """
    What C{--listen} has bound, and an application asks for a little differently.
    """
    port = freePort()
    given = [f"--listen=tcp:{port}", "--workers=2", "-y", OUTSIDE]
    with RunningCluster(given, tmp_path, outside("reactor", port)[1]) as cluster:
        assert cluster.wait() == 1
        assert f"Address already in use: the cluster itself has tcp:{port}" in (
            cluster.output()
        )
