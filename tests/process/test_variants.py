"""
The ways of listening, in real workers.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process.cluster import (
    ROOT,
    environment,
    eventually,
    freePort,
    isAlive,
)
from tests.process.ports import (
    FIXTURES,
    LOCAL,
    Served,
    commanded,
    isRefused,
    lines,
    servers,
)

pytestmark = pytest.mark.process


def test_oneNameIsOnePortWhileTheReactorRuns(tmp_path: Path) -> None:
    """
    Ports on 0 with one name are one port, which both workers serve; without a name
    each is its worker's own.
    """
    with commanded(tmp_path) as (_, (one, two)):
        first = one.listen("TCP", name="a")
        assert two.listen("TCP", name="a").port == first.port
        assert Counter(servers(first.port, 4)) == {one.pid: 2, two.pid: 2}
        assert one.listen("TCP", name="a").error[1] == errno.EADDRINUSE
        own = [worker.listen("TCP") for worker in (one, two)]
        assert own[0].port != own[1].port
        assert set(servers(own[1].port, 3)) == {two.pid}


def test_numberThatAnotherWorkerGotFromZero(tmp_path: Path) -> None:
    """
    A worker can join another's port on 0 by its number.
    """
    with commanded(tmp_path) as (_, (one, two)):
        first = one.listen("TCP", name="a")
        assert two.listen("TCP", first.port).error is None
        assert set(servers(first.port, 4)) == {one.pid, two.pid}
        assert one.listen("TCP", first.port).error[1] == errno.EADDRINUSE


def test_exclusivePortIsOneWorkers(tmp_path: Path) -> None:
    """
    The second worker is refused; the first's port needs no primary, and serves on.
    """
    with commanded(tmp_path) as (cluster, (one, two)):
        known = cluster.output().count("listening on")
        for kind in ("TCP", "UDP"):
            first = one.listen(kind, exclusive=True)
            assert first.error is None
            again = two.listen(kind, first.port, exclusive=True)
            assert again.error[:2] == ["CannotListenError", errno.EADDRINUSE]
            if kind == "TCP":
                assert set(servers(first.port, 3)) == {one.pid}
        path = str(tmp_path / "own")
        assert one.listen("UNIX", path, exclusive=True).error is None
        assert servers(path, 1) == [one.pid]
        assert two.listen("UNIX", path, exclusive=True).error[1] == errno.EADDRINUSE
        assert cluster.output().count("listening on") == known


def test_exclusivePortIsDrainedToo(tmp_path: Path) -> None:
    """
    A worker that is to end stops listening there, and finishes what it serves.
    """
    with commanded(tmp_path) as (_, (one, two)):
        port = one.listen("TCP", exclusive=True).port
        udp = one.listen("UDP", exclusive=True).port
        client = Served(port)
        assert client.server() == one.pid
        os.kill(one.pid, signal.SIGTERM)
        eventually(lambda: isRefused(port), "it does not listen")
        assert client.echoes()
        eventually(lambda: two.listen("UDP", udp).error is None, "UDP is free as well")
        assert isAlive(one.pid)
        client.close()
        eventually(lambda: not isAlive(one.pid), "it ends")


def test_reusePortSpreadsConnections(tmp_path: Path) -> None:
    """
    Both workers bind the same port, with no primary, and the kernel chooses.
    """
    with commanded(tmp_path) as (cluster, (one, two)):
        known = cluster.output().count("listening on")
        port = one.listen("TCP", reusePort=True).port
        assert two.listen("TCP", port, reusePort=True).error is None
        assert set(servers(port, 40)) == {one.pid, two.pid}
        assert two.listen("TCP", port, exclusive=True).error[1] == errno.EADDRINUSE
        assert cluster.output().count("listening on") == known


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
@pytest.mark.parametrize("private", [True, False])
def test_ipv6Only(tmp_path: Path, private: bool) -> None:
    """
    IPv4 is refused on such a port, and accepted on another.
    """
    ways = {"exclusive": True} if private else {"name": "a"}
    with commanded(tmp_path, workers=1) as (_, (one,)):
        only = one.listen("TCP", interface="::", ipv6Only=True, **ways)
        both = one.listen("TCP", interface="::", **ways)
        assert isRefused(only.port)
        assert not isRefused(both.port)
        with socket.create_connection(("::1", only.port), 5.0) as client:
            assert int(client.recv(100)) == one.pid


@pytest.mark.parametrize(
    ("kind", "options", "error", "says"),
    [
        ("TCP", {"maxConnections": -1}, "ValueError", "maxConnections=-1"),
        ("TCP", {"ipv6Only": True}, "ValueError", "IPv6"),
        ("UDP", {"maxConnections": 5}, "TypeError", "no option of a udp port"),
        ("UNIX", {"reusePort": True}, "TypeError", "no option of a unix port"),
    ],
)
def test_badOptionsBindNothing(
    tmp_path: Path, kind: str, options: dict[str, object], error: str, says: str
) -> None:
    """
    The error says what is wrong, and the port is as free as before.
    """
    with commanded(tmp_path, workers=1) as (cluster, (one,)):
        known = cluster.output().count("listening on")
        where = str(tmp_path / "socket") if kind == "UNIX" else freePort()
        told = one.listen(kind, where, **options)
        assert told.error is not None
        assert told.error[0] == error
        assert says in told.error[2]
        assert isRefused(where)
        assert cluster.output().count("listening on") == known


def test_listeningAgainAfterClosing(tmp_path: Path) -> None:
    """
    A worker that closes a port leaves it to the other, and may join it again.
    """
    with commanded(tmp_path) as (_, (one, two)):
        first = one.listen("TCP", name="a")
        second = two.listen("TCP", name="a")
        for _ in range(2):
            first.do("close")
            eventually(
                lambda: set(servers(first.port, 4)) == {two.pid}, "only one serves"
            )
            first.do("again")
            assert set(servers(first.port, 4)) == {one.pid, two.pid}
        first.do("close")
        second.do("close")
        eventually(lambda: isRefused(first.port), "the last one out closes it")


@pytest.mark.parametrize("isLast", [True, False])
def test_closeWhileConnectionsAreOnTheirWay(tmp_path: Path, isLast: bool) -> None:
    """
    Whom a worker was handed and has not taken when it closes the port is served, by
    whoever, or told; nobody is left to wait.
    """
    with commanded(tmp_path) as (_, (one, two)):
        first = one.listen("TCP", name="a")
        if not isLast:
            two.listen("TCP", name="a")
        os.kill(one.pid, signal.SIGSTOP)
        clients = [Served(first.port) for _ in range(10)]
        one.tell("close", first.index)
        os.kill(one.pid, signal.SIGCONT)
        served = {client.server() for client in clients}
        assert served <= ({0, one.pid} if isLast else {one.pid, two.pid})
        for client in clients:
            client.close()


def test_descriptorsAreNotForWorkersOfTwistd(tmp_path: Path) -> None:
    """
    C{twistd cluster} has none to give.
    """
    with commanded(tmp_path, workers=1) as (_, (one,)):
        told = one.listen("TCP", fd=5)
        assert told.error[:2] == ["CannotListenError", errno.EPERM]


def test_descriptorOfThePrimary(tmp_path: Path) -> None:
    """
    Both workers serve a socket that the primary was born with; what each listens on
    the primary is told, with the real port.
    """
    control = freePort()
    IPv6 = socket.create_server(("::1", 0), family=socket.AF_INET6)
    with socket.create_server((LOCAL, 0)) as theirs, IPv6, ExitStack() as stack:
        primary = subprocess.Popen(
            [sys.executable, FIXTURES / "fullprimary.py", FIXTURES / "ports.tac"],
            env=environment({"CONTROL": str(control)}),
            pass_fds=[theirs.fileno(), IPv6.fileno()],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        try:
            assert primary.stdout is not None
            said = ""
            while said.count("ready after") < 2:
                said += primary.stdout.readline()
            pids = [
                int(line.split("(")[1].split(")")[0])
                for line in said.splitlines()
                if "ready after" in line
            ]
            one, two = lines(pids, control, stack)
            fd, port = theirs.fileno(), theirs.getsockname()[1]
            told = [worker.listen("TCP", fd=fd, interface="") for worker in (one, two)]
            assert [each.port for each in told] == [port, port]
            assert set(servers(port, 4)) == {one.pid, two.pid}
            one.listen("TCP", fd=IPv6.fileno(), interface="")
            with socket.create_connection(IPv6.getsockname()[:2], 5.0) as client:
                assert int(client.recv(100)) == one.pid
            path = tmp_path / "socket"
            one.listen("UNIX", str(path))
            udp = one.listen("UDP", name="a").port
            six = one.listen("TCP", exclusive=True, interface="::1").port
        finally:
            stack.close()
            primary.terminate()
            # Not communicate(), which passes by what readline() has read ahead.
            said += primary.stdout.read()
            primary.stdout.close()
            primary.wait(20)
        assert (
            f"1 Listening(address='{LOCAL}', port={control}, addressType=4, fd=None)"
            in said
        )
        for number in (1, 2):
            assert (
                f"{number} Listening(address=None, port={port}, addressType=4, fd={fd})"
                in said
            )
        assert f"1 Listening(address='{path}', port=-1, addressType=-1, fd=None)" in said
        assert (
            f"1 Listening(address='{LOCAL}', port={udp}, addressType='udp4', fd=-1)"
            in said
        )
        assert f"1 Listening(address='::1', port={six}, addressType=6, fd=None)" in said
