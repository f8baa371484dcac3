"""
More connections than descriptors, and no memory for a while: service goes on.
"""

from __future__ import annotations

import re
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.cluster import eventually
from tests.process.trouble import (
    Line,
    isEnded,
    isServedBy,
    makeFail,
    manyClients,
    server,
    troubled,
)

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]
BURST = 20


@pytest.fixture
def manyDescriptors() -> Iterator[None]:
    """
    As many as this process may open.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4000:
        pytest.skip("this process may not open so many descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("descriptors", "idle", "workers"), [(1024, 2600, 2), (128, 200, 1)]
)
def test_burstOfIdleClientsHarmsNobody(
    tmp_path: Path, manyDescriptors: None, descriptors: int, idle: int, workers: int
) -> None:
    """
    Of more clients than all workers have descriptors for, none is lost while they stay,
    and when they have gone every worker serves again.
    """
    options = {"descriptors": descriptors, "workers": workers}
    with troubled(tmp_path, **options) as (cluster, port):
        pids = cluster.workerPids()
        assert isServedBy(port, pids)
        with manyClients(port, idle) as clients:
            # They are to stay longer than a look at the workers' descriptors takes.
            begun = time.monotonic()
            eventually(lambda: time.monotonic() > begun + 2.0, "two seconds are over")
            lost = sum(map(isEnded, clients))
        eventually(lambda: isServedBy(port, pids), "every worker serves", 5.0)
        assert lost == 0


def test_whatTheKernelDropsIsCounted(tmp_path: Path) -> None:
    """
    A worker whose application has taken all descriptors serves again when there are
    some; clients that it lost meanwhile are told with their number.
    """
    with troubled(tmp_path, workers=1, descriptors=256) as (cluster, port):
        with Line(port) as line, manyClients(port, 0) as clients:
            assert line.say(b"hoard") == b"hoarded"
            for _ in range(BURST):
                clients.append(socket.create_connection(("127.0.0.1", port), 5.0))
            lost = 0
            for client in clients:
                client.settimeout(5.0)
                try:
                    client.sendall(b"who\n")
                    lost += not client.recv(100)
                except ConnectionError:
                    lost += 1
        assert isServedBy(port, cluster.workerPids())
        if lost:
            told = f"the kernel has closed \\d+, {lost} so far"
            eventually(lambda: re.search(told, cluster.output()), f"{lost} are told of")


@pytest.mark.parametrize("error", ["ENOBUFS", "ENOMEM"])
def test_oneFailedReceiveIsSurvived(tmp_path: Path, error: str) -> None:
    """
    Who was to be received then is served, and so is who comes after.
    """
    with troubled(tmp_path, workers=1) as (cluster, port):
        pids = cluster.workerPids()
        failing = makeFail(tmp_path, pids[0], "handoff", error)
        assert [server(port) for _ in range(3)] == pids * 3
        assert not failing.exists()


def test_aWhileWithoutMemoryIsSurvived(tmp_path: Path) -> None:
    """
    Nothing can be received for four seconds, on any wire: as soon as there is memory
    again, who waits is served.
    """
    with troubled(tmp_path) as (cluster, port):
        pids = cluster.workerPids()
        failing = [makeFail(tmp_path, pid, "recvmsg", "ENOMEM", 10**9) for pid in pids]
        waiting = [socket.create_connection(("127.0.0.1", port), 8.0) for _ in range(20)]
        begun = time.monotonic()
        eventually(lambda: time.monotonic() > begun + 4.0, "four seconds are over")
        for path in failing:
            path.unlink()
        for client in waiting:
            with client:
                client.sendall(b"who\n")
                assert int(client.recv(100))
        assert isServedBy(port, cluster.workerPids())


def test_workerThatTakesNothingIsReplaced(tmp_path: Path) -> None:
    """
    Though its heart beats; who waited for it is served.
    """
    with troubled(tmp_path, workers=1) as (cluster, port):
        (deaf,) = cluster.workerPids()
        makeFail(tmp_path, deaf, "handoff", "ENOMEM", 10**9)
        with socket.create_connection(("127.0.0.1", port), 30.0) as client:
            client.sendall(b"who\n")
            assert int(client.recv(100)) != deaf
