"""
Interfaces by name: resolved as stock ports resolve them.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, ask, eventually, freePort, running
from tests.process.ports import FIXTURES, isRefused
from tests.process.surrounding import Stock

pytestmark = pytest.mark.process
TAC = str(FIXTURES / "hosts.tac")
OURS = "twisted_cluster.worker.ports.stream_ports.TCPPort"
PROXY = b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"


def said(cluster: RunningCluster, ports: list[int]) -> list[object]:
    """
    What all of the ports say, and what was printed of those that are wrong.
    """
    for port in ports:
        eventually(lambda port=port: not isRefused(port), f"{port} is open")
    answers = [ask(ports[0]), ask(ports[1]), ask(ports[2], PROXY)]
    wrong = {
        line[line.index("WRONG") :]
        for line in cluster.output().splitlines()
        if "WRONG" in line
    }
    return [*answers, wrong]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.1", "0"])
def test_namesAreResolvedAsStockDoes(tmp_path: Path, name: str) -> None:
    """
    C{getHost()}, C{repr()} and the name that was given are stock's, and so are errors,
    those of numbers that are no port's included.
    """
    ports = [freePort(), freePort(), freePort()]
    env = {"NAME": name, "PORTS": " ".join(map(str, ports))}
    with Stock(["-y", TAC], tmp_path, env) as stock:
        expected = said(stock, ports)
    assert len(expected[-1]) == 3  # Two say the same.
    arguments = ["--workers=2", "-y", TAC]
    with RunningCluster(arguments, tmp_path, env) as cluster:
        cluster.waitOnline(2)
        ours = said(cluster, ports)
    assert str(ours).replace(OURS, "twisted.internet.tcp.Port") == str(expected)


@pytest.mark.parametrize("listen", ["localhost", "127.0.0.1"])
def test_nameAndAddressAreOneListener(tmp_path: Path, listen: str) -> None:
    """
    What the cluster holds by the one, workers join by the other.
    """
    other = {"localhost": "127.0.0.1", "127.0.0.1": "localhost"}[listen]
    ports = [freePort(), freePort(), freePort()]
    env = {"NAME": other, "PORTS": " ".join(map(str, ports))}
    held = [f"--listen=tcp:{port}:interface={listen}" for port in ports]
    limit = f"--max-connections=tcp:{ports[0]}:interface=localhost=7"
    arguments = ["--workers=2", limit, *held, "-y", TAC]
    with RunningCluster(arguments, tmp_path, env) as cluster:
        cluster.waitOnline(2)
        assert cluster.output().count("listening on tcp:") == 3
        assert b"127.0.0.1" in ask(ports[0])
        assert "nobody listens there" not in cluster.output()


def test_pluginsTakeNames(tmp_path: Path) -> None:
    """
    And the cluster binds what they name.
    """
    (tmp_path / "there").write_text("it is")
    where = f"tcp:{freePort()}:interface=localhost"
    port = int(where.split(":")[1])
    arguments = [f"--listen={where}", "web", f"--listen={where}", "--path=."]
    with running(arguments, tmp_path) as cluster:
        assert b"it is" in ask(port, b"GET /there HTTP/1.0\r\n\r\n")
        assert cluster.output().count("listening on tcp:") == 1
        with socket.socket() as other:
            assert other.connect_ex(("127.0.0.2", port)) != 0
