"""
C{maxConnections}, however connections come.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.process.cluster import eventually
from tests.process.ports import Served, commanded, isRefused, processorTime, servers

pytestmark = pytest.mark.process

# How a port comes by its connections.
WAYS = {
    "handoff": ("round-robin", {"name": "a"}),
    "shared": ("none", {"name": "a"}),
}
every = pytest.mark.parametrize("way", WAYS)


def busy(port: int | str, count: int) -> list[Served]:
    """
    So many clients that are being served, and stay.
    """
    clients = [Served(port) for _ in range(count)]
    for client in clients:
        assert client.server()
    return clients


@every
def test_fullWorkersLeaveTheRestToTheKernel(tmp_path: Path, way: str) -> None:
    """
    With every worker at its limit the next client waits, at no cost to anybody; when
    one ends, it is served.
    """
    policy, ways = WAYS[way]
    with commanded(tmp_path, "--policy", policy) as (cluster, workers):
        ports = [worker.listen("TCP", maxConnections=2, **ways) for worker in workers]
        clients = [Served(ports[0].port) for _ in range(4)]
        assert Counter(client.server() for client in clients) == {
            worker.pid: 2 for worker in workers
        }
        waiting = [Served(ports[0].port) for _ in range(3)]
        everybody = [cluster.pid, *cluster.workerPids()]
        before, begun = processorTime(*everybody), time.monotonic()
        eventually(lambda: time.monotonic() > begun + 0.5, "half a second is over")
        # Heartbeats, and the look at them, cost some 1 % each.
        assert processorTime(*everybody) - before < 0.15
        assert not any(client.isServed() for client in waiting)
        for old, new in zip(clients, waiting):
            old.close()
            assert new.server() in cluster.workerPids()
            assert sum(client.isServed() for client in waiting) == 0
        assert sum(port.get("active") for port in ports) == 4
        assert [port.get("dropped") for port in ports] == [0, 0]
        for client in [*clients, *waiting]:
            client.close()


@every
def test_othersServeWhatOneDoesNotTake(tmp_path: Path, way: str) -> None:
    """
    A worker at its limit costs the clients of the other nothing.
    """
    policy, ways = WAYS[way]
    with commanded(tmp_path, "--policy", policy) as (_, (one, two)):
        first = one.listen("TCP", maxConnections=1, **ways)
        two.listen("TCP", **ways)
        clients = [Served(first.port) for _ in range(30)]
        served = Counter(client.server() for client in clients)
        assert served[one.pid] <= 1
        assert served[one.pid] + served[two.pid] == 30
        for client in clients:
            client.close()


@every
def test_noConnectionsAtAll(tmp_path: Path, way: str) -> None:
    """
    0 refuses all, until there is another limit, or none.
    """
    policy, ways = WAYS[way]
    with commanded(tmp_path, "--policy", policy, workers=1) as (_, (one,)):
        port = one.listen("TCP", maxConnections=0, **ways)
        clients = [Served(port.port) for _ in range(4)]
        assert not any(client.isServed() for client in clients)
        port.do("set", maxConnections=1)
        assert clients[0].server() == one.pid
        assert port.get("active") == 1
        assert not clients[1].isServed()
        port.do("set", maxConnections=None)
        assert [client.server() for client in clients[1:]] == [one.pid] * 3
        for client in clients:
            client.close()


@every
def test_limitSetWhileConnectionsAreServed(tmp_path: Path, way: str) -> None:
    """
    What is served already counts; a lower limit ends none of it.
    """
    policy, ways = WAYS[way]
    with commanded(tmp_path, "--policy", policy, workers=1) as (_, (one,)):
        port = one.listen("TCP", **ways)
        clients = busy(port.port, 3)
        for most in (4, 2):
            port.do("set", maxConnections=most)
        waiting = Served(port.port)
        assert clients[0].echoes()
        assert not waiting.isServed()
        clients.pop().close()
        eventually(lambda: port.get("active") == 2, "one has ended")
        assert not waiting.isServed()
        clients.pop().close()
        assert waiting.server() == one.pid
        waiting.close()
        assert set(servers(port.port, 10)) == {one.pid}


@pytest.mark.parametrize("way", [*WAYS, "exclusive"])
def test_dropClosesWhatIsTooMany(tmp_path: Path, way: str) -> None:
    """
    With it a client too many is told at once, and counted.
    """
    policy, ways = WAYS.get(way, ("round-robin", {"exclusive": True}))
    with commanded(tmp_path, "--policy", policy, workers=1) as (_, (one,)):
        port = one.listen("TCP", maxConnections=2, dropMaxConnections=True, **ways)
        clients = busy(port.port, 2)
        assert servers(port.port, 3) == [0, 0, 0]
        assert port.get("dropped") == 3
        clients.pop().close()
        eventually(lambda: port.get("active") == 1, "one has ended")
        clients += busy(port.port, 1)
        port.do("set", dropMaxConnections=False)
        waiting = Served(port.port)
        assert not waiting.isServed()
        clients.pop().close()
        assert waiting.server() == one.pid
        assert port.get("dropped") == 3
        for client in [*clients, waiting]:
            client.close()


@pytest.mark.parametrize("kind", ["TCP", "UNIX"])
def test_exclusivePortHasALimitToo(tmp_path: Path, kind: str) -> None:
    """
    As one of the cluster's.
    """
    where = str(tmp_path / "socket") if kind == "UNIX" else 0
    with commanded(tmp_path, workers=1) as (_, (one,)):
        told = one.listen(kind, where, exclusive=True, maxConnections=1)
        address = where or told.port
        clients = busy(address, 1)
        waiting = Served(address)
        assert not waiting.isServed()
        clients[0].close()
        assert waiting.server() == one.pid
        waiting.close()


@pytest.mark.parametrize("most", [-1, "many", True])
def test_badLimitChangesNothing(tmp_path: Path, most: Any) -> None:
    """
    The error says so, and the limit is what it was.
    """
    with commanded(tmp_path, workers=1) as (_, (one,)):
        port = one.listen("TCP", name="a", maxConnections=1)
        assert port.do("set", maxConnections=most)[0] in ("ValueError", "TypeError")
        assert port.get("maxConnections") == 1


def test_manyShortConnectionsUnderALimit(tmp_path: Path) -> None:
    """
    Places that come free are used again and again, and never more than there are.
    """
    with commanded(tmp_path) as (_, workers):
        ports = [w.listen("TCP", name="a", maxConnections=3) for w in workers]
        served = Counter(servers(ports[0].port, 400))
        assert set(served) == {worker.pid for worker in workers}
        assert sum(served.values()) == 400
        clients = busy(ports[0].port, 6)
        waiting = Served(ports[0].port)
        assert [port.get("active") for port in ports] == [3, 3]
        assert not waiting.isServed()
        for client in [*clients, waiting]:
            client.close()


def test_allPlacesCanBeTaken(tmp_path: Path) -> None:
    """
    Also those that came free while the primary did not have to know.
    """
    with commanded(tmp_path, workers=1) as (_, (one,)):
        port = one.listen("TCP", name="a", maxConnections=10)
        for client in busy(port.port, 2):
            client.close()
        eventually(lambda: port.get("active") == 0, "they have ended")
        clients = busy(port.port, 10)
        assert port.get("active") == 10
        waiting = Served(port.port)
        assert not waiting.isServed()
        for client in [*clients, waiting]:
            client.close()


def test_limitOnAPortOpenedAgain(tmp_path: Path) -> None:
    """
    What the port served before it was closed counts when it is open again.
    """
    with commanded(tmp_path) as (_, (one, two)):
        first = one.listen("TCP", name="a", maxConnections=2)
        clients = busy(first.port, 1)
        two.listen("TCP", name="a", maxConnections=0)
        first.do("close")
        first.do("again")
        clients += busy(first.port, 1)
        waiting = Served(first.port)
        assert first.get("active") == 2
        assert not waiting.isServed()
        clients.pop().close()
        assert waiting.server() == one.pid
        for client in [*clients, waiting]:
            client.close()
        first.do("close")
        assert not isRefused(first.port)
