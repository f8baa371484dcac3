"""
UDP in real workers.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.primary.ports.streams import mayLoad
from tests.process.cluster import freePort
from tests.process.ports import LOCAL, commanded

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux has such groups")
pytestmark = pytest.mark.process
PEERS = 40


@pytest.fixture
def peers() -> Iterator[list[socket.socket]]:
    """
    Many clients.
    """
    with ExitStack() as stack:
        made = [
            stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            for _ in range(PEERS)
        ]
        for peer in made:
            peer.settimeout(10.0)
        yield made


def send(peers: list[socket.socket], port: int) -> None:
    for peer in peers:
        peer.sendto(b"hello", (LOCAL, port))


def answers(peers: list[socket.socket]) -> list[int]:
    """
    Who has answered each.
    """
    found = []
    for peer in peers:
        pid, said = peer.recv(100).split()
        assert said == b"hello"
        found.append(int(pid))
    return found


@linux
def test_aPeerIsServedByOneWorker(tmp_path: Path, peers: list[socket.socket]) -> None:
    """
    All datagrams of a peer reach one worker, and every worker has peers.
    """
    with commanded(tmp_path, workers=3) as (_, workers):
        ports = {worker.listen("UDP", name="a").port for worker in workers}
        [port] = ports
        served = defaultdict(set)
        for _round in range(10):
            send(peers, port)
            for peer, pid in zip(peers, answers(peers)):
                served[peer].add(pid)
        assert all(len(pids) == 1 for pids in served.values())
        assert set().union(*served.values()) == {worker.pid for worker in workers}


def test_withoutAPolicyWorkersReadOneSocket(
    tmp_path: Path, peers: list[socket.socket]
) -> None:
    """
    Every datagram is answered, by whoever was first; protocols are told of the end.
    """
    with commanded(tmp_path, "--policy", "none") as (cluster, (one, two)):
        first = one.listen("UDP", name="a")
        assert two.listen("UDP", name="a").port == first.port
        send(peers, first.port)
        assert set(answers(peers)) <= {one.pid, two.pid}
        first.do("pause")
        send(peers, first.port)
        assert set(answers(peers)) == {two.pid}
        first.do("resume")
        os.kill(one.pid, signal.SIGTERM)
        cluster.waitFor("UDP has stopped")


@linux
def test_killedWorkersDatagramsAreForOthers(
    tmp_path: Path, peers: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What lay in a dead worker's socket those answer who are there.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind((LOCAL, 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("UDP", str(port))
    with commanded(tmp_path) as (cluster, (one, two)):
        os.kill(one.pid, signal.SIGSTOP)
        send(peers, port)
        os.kill(one.pid, signal.SIGKILL)
        cluster.waitOnline(3)
        new = cluster.workerPids()[0]
        assert set(answers(peers)) <= {new, two.pid}


@linux
def test_whoStopsListeningLosesNothing(
    tmp_path: Path, peers: list[socket.socket]
) -> None:
    """
    What lies in the socket of a worker that closes its port is answered; after that
    the other has all.
    """
    with commanded(tmp_path) as (_, (one, two)):
        first = one.listen("UDP", name="a")
        two.listen("UDP", name="a")
        os.kill(one.pid, signal.SIGSTOP)
        one.tell("close", first.index)
        send(peers, first.port)
        os.kill(one.pid, signal.SIGCONT)
        one.hear()
        assert set(answers(peers)) <= {one.pid, two.pid}
        one.say("get", first.index, name="port")
        send(peers, first.port)
        assert set(answers(peers)) == {two.pid}


@linux
def test_workerThatEndsServesUDPToTheEnd(
    tmp_path: Path, peers: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    While it finishes a connection the kernel still gives it its peers' datagrams, where
    it remembers who that is; else others have them.
    """
    port = freePort()
    monkeypatch.setenv("UDP", str(port))
    held = f"udp:{port}:interface={LOCAL}"
    with commanded(tmp_path, "--listen", held) as (_, (one, two)):
        first = one.listen("TCP", name="a")
        send(peers, port)
        before = answers(peers)
        assert set(before) == {one.pid, two.pid}
        os.kill(one.pid, signal.SIGTERM)
        # It has heard of the signal when it answers.
        one.say("get", first.index, name="port")
        send(peers, port)
        after = answers(peers)
        assert after == before if mayLoad() else set(after) <= {one.pid, two.pid}
