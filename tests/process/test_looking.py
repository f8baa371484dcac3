"""
Policies that see the first bytes before they choose.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.cluster import ask, eventually, isAlive
from tests.process.odd import connect, everything, odd
from tests.process.ports import processorTime

pytestmark = pytest.mark.process
SILENT = 5000


def test_firstBytesDecideAndStay(tmp_path: Path) -> None:
    """
    However a client's bytes are split, the worker that they name reads all of them.
    """
    with odd("by-digit:deadline=20", tmp_path, workers=3) as (cluster, port):
        pids = cluster.workerPids()
        message = b"2 is wanted\nthen this, and at the END"
        for split in range(1, len(message)):
            with connect(port, sent=message[:split]) as client:
                # Who comes later is served: so the primary has looked at this one.
                assert ask(port, b"1\nEND").split()[0] == b"%d" % pids[0]
                client.sendall(message[split:])
                assert everything(client) == b"%d " % pids[1] + message


def test_whoSaysNothingGoesToTheDefault(tmp_path: Path) -> None:
    """
    Silent, slow, oversized and half-closed clients get what the policy has for them.
    """
    with odd("by-digit:deadline=0.2,limit=64", tmp_path, workers=3) as (cluster, port):
        pids = cluster.workerPids()
        last = b"%d " % pids[-1]
        with connect(port) as silent, connect(port, sent=b"1 slow") as slow:
            cluster_says = []
            for client in (silent, slow):
                client.settimeout(8.0)
            eventually(
                lambda: _established(pids[-1], port) >= 2, "both are with the last worker"
            )
            silent.sendall(b"END")
            slow.sendall(b"\nEND")
            cluster_says = [everything(silent), everything(slow)]
        assert cluster_says == [last + b"END", last + b"1 slow\nEND"]
        long = b"1" * 100 + b"\nEND"
        assert ask(port, long) == last + long
        with connect(port, sent=b"1 halfEND") as client:
            client.shutdown(socket.SHUT_WR)
            assert everything(client) == last + b"1 halfEND"


def _established(pid: int, port: int) -> int:
    """
    How many connections to a port a process has open.
    """
    inodes = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            continue
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    wanted = f":{port:04X}"
    return sum(
        row[1].endswith(wanted) and row[3] == "01" and row[9] in inodes for row in rows
    )


def test_waitingForBytesCostsNothing(tmp_path: Path) -> None:
    """
    Clients that have sent half a line do not make the primary spin.
    """
    with odd("by-digit:deadline=20", tmp_path) as (cluster, port):
        clients = [connect(port, sent=b"1 half") for _ in range(50)]
        ask(port, b"1\nEND")
        before, begun = processorTime(cluster.pid), time.monotonic()
        eventually(lambda: time.monotonic() > begun + 0.5, "half a second is over")
        assert processorTime(cluster.pid) - before < 0.1
        for client in clients:
            client.close()


@pytest.fixture
def manyDescriptors() -> Iterator[int]:
    """
    As many as this process may open.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_silentMultitudesHarmNobody(tmp_path: Path, manyDescriptors: int) -> None:
    """
    Beside 5,000 silent connections everybody else is served, by the right worker.
    """
    if manyDescriptors < SILENT + 500:
        pytest.skip("this process may not open so many descriptors")
    silent = []
    try:
        with odd("by-digit:deadline=3,pending=500", tmp_path, workers=3) as (
            cluster,
            port,
        ):
            pids = cluster.workerPids()
            for count in range(SILENT):
                silent.append(connect(port, f"127.0.0.{2 + count % 50}"))
                if count % 50 == 0:
                    assert ask(port, b"1\nEND").split()[0] == b"%d" % pids[0]
            assert ask(port, b"2\nEND").split()[0] == b"%d" % pids[1]
            for client in silent:
                client.close()
            assert ask(port, b"2\nEND").split()[0] == b"%d" % pids[1]
            assert cluster.process.poll() is None
    finally:
        for client in silent:
            client.close()


def test_oneWorkersCrowdStopsNobodyElse(tmp_path: Path, manyDescriptors: int) -> None:
    """
    Who wants another worker is served though a crowd waits for one; the crowd is when
    its worker goes on, all of it.
    """
    with odd("by-digit:deadline=20", tmp_path) as (cluster, port):
        first, second = cluster.workerPids()
        os.kill(first, signal.SIGSTOP)
        crowd = [connect(port, sent=b"1\nEND") for _ in range(1200)]
        assert ask(port, b"2\nEND") == b"%d 2\nEND" % second
        os.kill(first, signal.SIGCONT)
        answers = [everything(one) for one in crowd]
        assert answers == [b"%d 1\nEND" % first] * 1200


def test_theCommandsOwnLimitOfDescriptorsCounts(
    tmp_path: Path, manyDescriptors: int
) -> None:
    """
    It is raised before any port is opened, so that as many can be looked at as is said.
    """
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, manyDescriptors))
    with odd("by-digit:deadline=20", tmp_path) as (cluster, port):
        resource.setrlimit(resource.RLIMIT_NOFILE, (manyDescriptors,) * 2)
        silent = [connect(port) for _ in range(400)]
        ask(port, b"1\nEND")
        assert len(os.listdir(f"/proc/{cluster.pid}/fd")) > 400
        for client in silent:
            client.close()


def test_whoIsWaitedForIsServedWhenTheClusterStops(tmp_path: Path) -> None:
    """
    A client that had sent half of what the policy wants is handed over before the ports
    close, and served.
    """
    with odd("by-digit:deadline=20", tmp_path) as (cluster, port):
        with connect(port, sent=b"1 half") as client:
            ask(port, b"1\nEND")
            cluster.signal(signal.SIGTERM)
            cluster.waitFor("Port", 0)
            client.sendall(b" END")
            assert everything(client).endswith(b" 1 half END")
        cluster.wait()


def test_loyalClientsWaitForTheirWorker(tmp_path: Path) -> None:
    """
    While their worker is stuck they wait for it, and others' connections too are only
    theirs; when it is gone, the next one has them.
    """
    with odd("loyal", tmp_path) as (cluster, port):
        first, second = cluster.workerPids()
        os.kill(first, signal.SIGSTOP)
        clients = [connect(port, sent=b"END") for _ in range(40)]
        begun = time.monotonic()
        eventually(lambda: time.monotonic() > begun + 0.6, "the heartbeat is stale")
        os.kill(first, signal.SIGCONT)
        assert {everything(one) for one in clients} == {b"%d END" % first}
        os.kill(first, signal.SIGSTOP)
        clients = [connect(port, sent=b"END") for _ in range(10)]
        os.kill(first, signal.SIGKILL)
        eventually(lambda: not isAlive(first), "it is gone")
        served = {everything(one) for one in clients}
        assert b"%d END" % first not in served
        assert all(served)
        assert b"%d END" % second in served


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ("raise", "policy Failing failed"),
        ("stranger", "ValueError: chose"),
        ("slow", "policy Failing takes more than 1 ms"),
    ],
)
def test_failingPoliciesAreDoneWithout(tmp_path: Path, way: str, says: str) -> None:
    """
    Whatever a policy does, its connections go round robin, and the log says so once.
    """
    with odd(f"failing:way={way}", tmp_path) as (cluster, port):
        served = [int(ask(port, b"END").split()[0]) for _ in range(20)]
        assert set(served) == set(cluster.workerPids())
        cluster.waitFor(says)
        assert cluster.output().count(says) == 1


def test_connectionsOfAPolicyThatNeverChoosesWaitAndStopNobody(tmp_path: Path) -> None:
    """
    What goes to nobody waits, at next to no cost, and ends with the cluster.
    """
    with odd("failing:way=never", tmp_path) as (cluster, port):
        clients = [connect(port, sent=b"END") for _ in range(500)]
        before, begun = processorTime(cluster.pid), time.monotonic()
        eventually(lambda: time.monotonic() > begun + 0.5, "half a second is over")
        assert processorTime(cluster.pid) - before < 0.1
        cluster.stop()
        assert not any(map(everything, clients))


def test_factsArePublishedWithoutMessages(tmp_path: Path) -> None:
    """
    A policy sees the addresses, and of each worker what the options and the worker say.
    """
    told = tmp_path / "told"
    options = ["--weights=3,0", "--group=api=1", "--group=web=2"]
    env = {"TOLD": str(told)}
    with odd("telling", tmp_path, *options, env=env) as (_, port):
        ask(port, b"END")
    first = "1 1 api 3 1 0 0 False True True True True"
    second = "2 2 web 0 1 0 0 False True True True True"
    name = f"127.0.0.1 tcp:{port} 0.0.0.0"
    assert told.read_text() == f"{name} {first} {second}\n"


def test_unixSocketsAreLookedAtToo(tmp_path: Path) -> None:
    """
    In pieces as well.
    """
    path = tmp_path / "socket"
    with odd("by-digit", tmp_path, f"--listen=unix:{path}", workers=3) as (cluster, _):
        for number, pid in enumerate(cluster.workerPids(), 1):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(8.0)
                client.connect(str(path))
                client.sendall(b"%d" % number)
                client.sendall(b"\nEND")
                assert everything(client) == b"%d %d\nEND" % (pid, number)
