"""
More workers, and fewer, while the cluster serves.
"""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from tests.process.cluster import childrenOf, eventually, isAlive
from tests.process.loading.crowd import Plan
from tests.process.loading.load import Load
from tests.process.loading.outcome import inWords
from tests.process.trouble import Line, server
from tests.process.verbs import Told, told

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]


def servers(cluster: Told, count: int = 40) -> set[int]:
    """
    Who serves clients that come one after the other.
    """
    return {server(cluster.port) for _ in range(count)}


def test_scalesUpAndDownUnderLoad(tmp_path: Path) -> None:
    """
    1, 4, 2, 1: each is done when so many serve and the others are gone; nobody who asks
    meanwhile is turned away or cut.
    """
    with told(tmp_path, 1, "served.site") as cluster:
        with Load(Plan(("127.0.0.1", cluster.port))) as load:
            for count in (4, 2, 1):
                *progress, last = cluster.tell("scale", count)
                assert last == ["done", "None"]
                assert progress[-1][1].startswith(f"{count} of {count} worker")
                assert len(childrenOf(cluster.pid)) == count
                assert load.untilServed(100)
        assert not load.outcome.failed, inWords(load.outcome)
        assert len(load.outcome.pids) >= 4


def test_whatIsToldBySomebodyElseTakesItsPlace(tmp_path: Path) -> None:
    """
    Who has waited for another number is told so; a worker that cannot start is told with
    its reason.
    """
    with told(tmp_path, 1, "trouble.obey") as cluster:
        with cluster.telling("scale", 3) as first:
            assert next(first)[0] == "-"
            assert cluster.tell("scale", 2)[-1] == ["done", "None"]
            last = list(first)[-1]
        assert last == ["CommandError", "there are to be 2 workers by now"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (0, "scale 0: give a number from 1 to 1024"),
        ("many", "scale many: give a number from 1 to 1024"),
        (1, "1 worker: --min-ready 2 would never be reached"),
    ],
)
def test_whatCannotBeIsRefused(tmp_path: Path, given: object, says: str) -> None:
    """
    And nothing changes.
    """
    with told(tmp_path, 2, "trouble.obey", minReady=2) as cluster:
        ((what, said),) = cluster.tell("scale", given)
        assert what == "CommandError"
        assert said.startswith(says)
        assert len(servers(cluster)) == 2


def test_loyalClientsStayWhereTheyCan(tmp_path: Path) -> None:
    """
    5, 1, 5: clients of the first worker are with it all the time; the others have come to
    it, and nobody is turned away.
    """
    with told(tmp_path, 5, "trouble.obey", policy="sticky:by=address") as cluster:
        clients = [f"127.0.1.{number}" for number in range(1, 41)]
        before = {one: servedFrom(one, cluster.port) for one in clients}
        assert len(set(before.values())) == 5
        first = cluster.workerPids()[0]
        assert cluster.tell("scale", 1)[-1] == ["done", "None"]
        assert {servedFrom(one, cluster.port) for one in clients} == {first}
        assert cluster.tell("scale", 5)[-1] == ["done", "None"]
        after = {one: servedFrom(one, cluster.port) for one in clients}
        # A client stays with the process that it has been with.
        assert set(after.values()) == {first}
        others = {servedFrom(f"127.0.2.{n}", cluster.port) for n in range(1, 41)}
        assert len(others) == 5
        assert isAlive(first)


def servedFrom(address: str, port: int) -> int:
    """
    Who serves a client of this address.
    """
    with socket.create_connection(
        ("127.0.0.1", port), 5.0, source_address=(address, 0)
    ) as client:
        client.sendall(b"who\n")
        return int(client.recv(100))


def test_clientWhoLingersIsWaitedFor(tmp_path: Path) -> None:
    """
    A worker that is not needed any more finishes what it serves; who waits for that sees
    for whom.
    """
    with told(tmp_path, 2, "trouble.obey") as cluster:
        lines = [Line(cluster.port), Line(cluster.port)]
        pids = [int(line.say(b"pid")) for line in lines]
        assert sorted(pids) == sorted(cluster.workerPids())
        second = lines[pids.index(cluster.workerPids()[1])]
        with cluster.telling("scale", 1) as telling:
            said = next(telling)[1]
            assert "waiting for worker 2" in said
            assert "1 connection" in said
            assert int(second.say(b"pid")) in pids
            second.__exit__()
            assert list(telling)[-1] == ["done", "None"]
        lines[pids.index(cluster.workerPids()[0])].__exit__()


def test_killedWorkerIsReplacedAtOnce(tmp_path: Path) -> None:
    """
    However often: what somebody wants is no failure, and makes nobody wait.
    """
    with told(tmp_path, 1, "trouble.obey") as cluster:
        for id in range(1, 6):
            assert cluster.tell("kill", id) == [["done", "None"]]
            cluster.waitOnline(id + 1)
        assert "again in" not in cluster.output()
        assert "was killed" in cluster.output()
        assert cluster.tell("kill", 99) == [
            ["CommandError", "there is no worker with the id 99"]
        ]


def test_moreWorkersWhileThereIsMoreToDo(tmp_path: Path) -> None:
    """
    --workers 1-3 with clients that keep event loops busy, and then with none: three, and
    for now still three, because it is in no haste to have fewer.
    """
    with told(tmp_path, "1-3", "served.site", {"BUSY": "0.002"}) as cluster:
        plan = Plan(("127.0.0.1", cluster.port), 128, 16, thought=0.001)
        with Load(plan) as load:
            cluster.waitFor("from 1 to 2 workers: ")
            cluster.waitFor("from 2 to 3 workers: ")
            eventually(lambda: len(childrenOf(cluster.pid)) == 3, "there are three")
        assert not load.outcome.failed, inWords(load.outcome)
        assert "from 3 to" not in cluster.output()


def test_stopEndsWhoWaits(tmp_path: Path) -> None:
    """
    A scale that is under way fails when the cluster stops.
    """
    with told(tmp_path, 1, "trouble.obey") as cluster:
        with cluster.telling("scale", 8) as telling:
            next(telling)
            cluster.signal(signal.SIGTERM)
            assert list(telling)[-1:] in (
                [["CommandError", "the cluster is stopping"]],
                [],
            )


def test_reloadAndScaleAtATime(tmp_path: Path) -> None:
    """
    Each comes to its end, whichever began first, and all are new then.
    """
    with told(tmp_path, 2, "served.site", reloadTrial=0.5) as cluster:
        old = cluster.workerPids()
        with cluster.telling("reload") as reloading:
            assert cluster.tell("scale", 4)[-1] == ["done", "None"]
            assert list(reloading)[-1] == ["done", "None"]
        eventually(lambda: len(childrenOf(cluster.pid)) == 4, "the last old one is gone")
        assert not set(old) & set(childrenOf(cluster.pid))
        with cluster.telling("reload") as reloading:
            assert cluster.tell("scale", 1)[-1] == ["done", "None"]
            assert list(reloading)[-1] == ["done", "None"]
        eventually(lambda: len(childrenOf(cluster.pid)) == 1, "there is one")


def test_datagramsFindTheWorkersThatAreThere(tmp_path: Path) -> None:
    """
    Peers of a worker that is not needed any more are served by those that stay, and new
    workers have their share again.
    """
    with told(tmp_path, 4, "echoed.udp", listen=()) as cluster:
        assert len(udpServers(cluster)) == 4
        assert cluster.tell("scale", 1)[-1] == ["done", "None"]
        first = cluster.workerPids()[0]
        eventually(lambda: udpServers(cluster) == {first}, "one serves all")
        assert cluster.tell("scale", 4)[-1] == ["done", "None"]
        assert len(udpServers(cluster)) == 4


def udpServers(cluster: Told) -> set[int]:
    """
    Who answers 100 peers.
    """
    found = set()
    for _ in range(100):
        with socket.socket(type=socket.SOCK_DGRAM) as peer:
            peer.settimeout(5.0)
            peer.sendto(b"who", ("127.0.0.1", cluster.port))
            found.add(int(peer.recv(100)))
    return found
