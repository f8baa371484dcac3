"""
How many connections are let in, and what becomes of the others.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, eventually, freePort
from tests.process.odd import connect, everything, isHeldBy, isServed, odd
from tests.process.ports import processorTime

pytestmark = pytest.mark.process


def served(port: int, count: int, source: str = "127.0.0.1") -> list[socket.socket]:
    """
    Clients of C{kinds.report}, which greets, that have been greeted.
    """
    clients = [connect(port, source) for _ in range(count)]
    for client in clients:
        client.recv(1, socket.MSG_PEEK)
    return clients


def server(client: socket.socket) -> int:
    """
    Whose client it is.
    """
    return int(client.recv(4096, socket.MSG_PEEK).split()[0])


def closeAll(clients: list[socket.socket]) -> None:
    """
    Hang up.
    """
    for client in clients:
        client.close()


FIXTURES = Path(__file__).parent / "fixtures"
REPORT = {"app": "kinds.report"}


@pytest.mark.parametrize("policy", ["round-robin", "loyal"])
def test_workersTakeNoMoreThanTheyMay(policy: str) -> None:
    """
    At the limit clients wait, which costs nothing, and take the places of those that go.
    """
    options = ["--max-connections=2"]
    with odd(policy, FIXTURES, *options, **REPORT) as (cluster, port):
        pids = cluster.workerPids()
        most = 4 if policy == "round-robin" else 2
        clients = served(port, most)
        expected = pids if policy == "round-robin" else pids[:1]
        assert Counter(map(server, clients)) == dict.fromkeys(expected, 2)
        waiting = [connect(port) for _ in range(10)]
        everybody = [cluster.pid, *pids]
        before, begun = processorTime(*everybody), time.monotonic()
        eventually(lambda: time.monotonic() > begun + 0.5, "half a second is over")
        assert processorTime(*everybody) - before < 0.15
        assert not any(map(isServed, waiting))
        for old, new in zip(clients, waiting):
            old.close()
            assert server(new) in expected
            assert sum(map(isServed, waiting)) == 1
            new.recv(4096)
        closeAll(waiting)


def test_aListenerHasALimitOfItsOwn() -> None:
    """
    All workers together serve so many of its connections; the count does not drift.
    """
    other = freePort()
    options = [f"--listen=tcp:{other}"]
    # Its own port is known only inside: the limit is for the other one.
    options.append(f"--max-connections=tcp:{other}=3")
    with odd("round-robin", FIXTURES, *options, **REPORT) as (_, port):
        for _ in range(30):
            closeAll(served(other, 2))
        clients = served(other, 3)
        waiting = connect(other)
        closeAll(served(port, 10))
        assert not isServed(waiting)
        clients.pop().close()
        server(waiting)
        closeAll([*clients, waiting])


@pytest.mark.parametrize(
    ("policy", "way", "said"),
    [
        ("round-robin", "refuse", b""),
        ("round-robin", "shed", b"HTTP/1.1 503 Service Unavailable\r\n"),
        ("polite", "shed", b"sorry, 127.0.0.1"),
        ("loyal", "shed", b"HTTP/1.1 503 Service Unavailable\r\n"),
    ],
)
def test_oneTooManyIsTurnedAway(policy: str, way: str, said: bytes) -> None:
    """
    With C{refuse} it is closed, with C{shed} it is told; later ones are served again.
    """
    options = ["--max-connections=1", f"--at-limit={way}"]
    with odd(policy, FIXTURES, *options, workers=1, **REPORT) as (cluster, port):
        clients = served(port, 1)
        for _ in range(20):
            client = connect(port)
            try:
                client.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
            except OSError:
                assert way == "refuse"
            answer = everything(client)
            assert answer.startswith(said)
            assert bool(answer) == bool(said)
        cluster.waitFor(f"has all the connections that it may have: {way}")
        clients.pop().close()

        def isServedAgain() -> bool:
            with connect(port) as again:
                try:
                    return again.recv(100).startswith(b"%d\n" % cluster.workerPids()[0])
                except OSError:
                    return False

        eventually(isServedAgain, "there is a place again")


def test_whoseOwnWorkerIsFullIsTurnedAwayToo() -> None:
    """
    Though others have places, which are not for a loyal policy's clients.
    """
    options = ["--max-connections=1", "--at-limit=shed"]
    with odd("loyal", FIXTURES, *options, **REPORT) as (_, port):
        clients = served(port, 1)
        assert everything(connect(port)).startswith(b"HTTP/1.1 503")
        closeAll(clients)


def test_whoWaitsForAWorkerIsServedWhenTheClusterStops() -> None:
    """
    If it has a place in time.
    """
    options = ["--max-connections=1"]
    with odd("loyal", FIXTURES, *options, **REPORT) as (cluster, port):
        (first,) = served(port, 1)
        second = connect(port)
        eventually(lambda: isHeldBy(cluster.pid, second), "it waits")
        cluster.signal(signal.SIGTERM)
        first.close()
        assert server(second) == cluster.workerPids()[0]
        second.close()


def test_whoIsLookedAtCountsForItsAddress() -> None:
    """
    Silent connections take nobody else's places, and no more than their own.
    """
    options = ["--max-per-address=2"]
    with odd("by-digit:deadline=20", FIXTURES, *options) as (_, port):
        silent = [connect(port, "127.0.0.2") for _ in range(2)]
        assert everything(connect(port, "127.0.0.2")) == b""
        other = connect(port, "127.0.0.3", b"1\nEND")
        assert everything(other).endswith(b"1\nEND")
        silent.pop().close()

        def isLookedAt() -> bool:
            return everything(connect(port, "127.0.0.2", b"1\nEND")) != b""

        eventually(isLookedAt, "there is a place again")
        closeAll(silent)


def test_oneAddressHasALimit() -> None:
    """
    Its connections count in all workers together, until they end, or their worker does.
    """
    options = ["--max-per-address=3"]
    with odd("round-robin", FIXTURES, *options, **REPORT) as (cluster, port):
        for _ in range(20):
            one = served(port, 1, "127.0.0.2")
            closeAll(one)
        eventually(lambda: _holds(port, 3), "three are served")
        clients = served(port, 3, "127.0.0.3")
        assert everything(connect(port, "127.0.0.3")) == b""
        closeAll(served(port, 3, "127.0.0.4"))
        victim = server(clients[0])
        lost = [one for one in clients if server(one) == victim]
        os.kill(victim, signal.SIGKILL)
        cluster.waitOnline(3)
        again = served(port, len(lost), "127.0.0.3")
        assert everything(connect(port, "127.0.0.3")) == b""
        closeAll([*clients, *again])


def _holds(port: int, count: int) -> bool:
    """
    Whether so many clients of 127.0.0.2 are served, and no more.
    """
    clients = [connect(port, "127.0.0.2") for _ in range(count + 1)]
    try:
        answers = [client.recv(1) for client in clients]
    except OSError:
        return False
    finally:
        closeAll(clients)
    return answers.count(b"") == 1


def test_portsTakeTurnsAtThePlacesThatThereAre() -> None:
    """
    With one place for the clients of two ports, neither waits for all of the other's.
    """
    other = freePort()
    options = [f"--listen=tcp:{other}", "--max-connections=1"]
    with odd("round-robin", FIXTURES, *options, workers=1, **REPORT) as (_, port):
        (current,) = served(port, 1)
        waiting = {one: [connect(one) for _ in range(6)] for one in (port, other)}
        order = []
        for _ in range(12):
            current.close()
            everybody = [one for clients in waiting.values() for one in clients]
            eventually(lambda e=everybody: any(map(isServed, e)), "one is served")
            for which, clients in waiting.items():
                for client in filter(isServed, list(clients)):
                    clients.remove(client)
                    current = client
                    order.append(which)
        assert len(order) == 12
        assert order[:10].count(port) == 5
        current.close()


def test_limitsOfPortsThatAreNotThereAreSaid() -> None:
    """
    Who mistypes a port is told which there are.
    """
    options = ["--max-connections=tcp:1=5"]
    with odd("round-robin", FIXTURES, *options, **REPORT) as (cluster, port):
        cluster.waitFor(f"tcp:1: nobody listens there, but on tcp:{port}")


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--weights=0,0", "more than 0"),
        ("--policy=none --max-connections=1", "lets the kernel choose"),
        ("--policy=none --max-per-address=1", "lets the kernel choose"),
        ("--policy=pinned:worker=3", "there is no worker 3: there are 2"),
        ("--workers=\u00b2", "give a number from 1"),
        ("--weights=1,2,3", "for 2 workers"),
        ("--weights=a", "numbers from 0"),
        ("--group=api", "NAME=1-2"),
        ("--group=api=3", "workers 1 to 2"),
        ("--max-connections=0", "1 or more"),
        ("--max-connections=x:1=5", "tcp:PORT=NUMBER"),
        ("--max-per-address=-1", "1 or more"),
        ("--at-limit=wine", "wait, refuse, shed"),
    ],
)
def test_badOptionsAreExplained(tmp_path: Path, option: str, says: str) -> None:
    """
    In a line, before anything is started.
    """
    arguments = ["--workers=2", *option.split(), "--app=hello.greet", "--listen=tcp:0"]
    with RunningCluster(arguments, tmp_path) as cluster:
        assert cluster.wait() == 1
        assert says in cluster.output()
        assert "Traceback" not in cluster.output()
