"""
Real clusters serve, survive and end.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.process.cluster import (
    RunningCluster,
    ask,
    childrenOf,
    eventually,
    freePort,
    isAlive,
    running,
)

pytestmark = pytest.mark.process


def openDescriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def isRefused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except ConnectionRefusedError:
        return True
    return False


def test_connectionsGoRound(app: Path) -> None:
    """
    Each of two workers serves every second connection.
    """
    port = freePort()
    with running(["--app=hello.greet", f"--listen=tcp:{port}"], app) as cluster:
        served = [int(ask(port)) for _ in range(20)]
        assert Counter(served) == dict.fromkeys(cluster.workerPids(), 10)
        assert served[::2] == [served[0]] * 10
        assert cluster.stop() == 0
        assert isRefused(port)


@pytest.mark.parametrize("policy", ["least-connections", "random:seed=3", "round-robin"])
def test_policiesServe(app: Path, policy: str) -> None:
    """
    Every built-in policy gives both workers something to do.
    """
    port = freePort()
    arguments = ["--app=hello.greet", f"--listen=tcp:{port}", "--policy", policy]
    with running(arguments, app) as cluster:
        served = Counter(int(ask(port)) for _ in range(40))
        assert set(served) == set(cluster.workerPids())
        assert min(served.values()) >= 8


@pytest.mark.parametrize("reactor", ["poll", "select", "asyncio"])
def test_workersRunOnAnyReactor(app: Path, reactor: str) -> None:
    """
    C{--reactor} is the workers' own.
    """
    port = freePort()
    (app / "kind.py").write_text(
        "from hello import greet\nfrom twisted.internet import reactor\n"
        "print('it runs on', type(reactor).__name__)\n"
    )
    arguments = ["--app=kind.greet", f"--listen=tcp:{port}", "--reactor", reactor]
    with running(arguments, app) as cluster:
        assert len({ask(port) for _ in range(4)}) == 2
        kind = f"it runs on {reactor.capitalize()}"
        assert kind in cluster.output().replace("AsyncioSel", "Asyncio")


def test_noDescriptorIsLeaked(app: Path) -> None:
    """
    After a thousand connections every process has the descriptors it had before.
    """
    port = freePort()
    with running(["--app=hello.greet", f"--listen=tcp:{port}"], app) as cluster:
        ask(port), ask(port)
        everybody = [cluster.pid, *cluster.workerPids()]
        # The last client may have seen its end before its socket was closed: not more
        # than before, then.
        before = [openDescriptors(pid) for pid in everybody]
        with ThreadPoolExecutor(16) as clients:
            list(clients.map(lambda _: ask(port), range(1000)))
        eventually(
            lambda: all(openDescriptors(p) <= n for p, n in zip(everybody, before)),
            "as before",
        )


def test_killedWorkerIsReplaced(app: Path) -> None:
    """
    While workers are killed nobody is refused, the slot is filled again, and neither
    process keeps a descriptor of the dead one.
    """
    port = freePort()
    with running(["--app=hello.greet", f"--listen=tcp:{port}"], app) as cluster:
        before = openDescriptors(cluster.pid)
        for deaths in range(1, 4):
            victim = cluster.workerPids()[0]
            os.kill(victim, signal.SIGKILL)
            for _ in range(20):
                assert ask(port)
            cluster.waitOnline(2 + deaths)
        assert len({ask(port) for _ in range(4)}) == 2
        eventually(lambda: openDescriptors(cluster.pid) == before, "as before")
        assert "not killed by the cluster: out of memory?" in cluster.output()


def test_connectionsInTheQueueSurviveTheirWorker(app: Path) -> None:
    """
    What a frozen worker was given and has not taken is served by the other when it is
    killed.
    """
    port = freePort()
    with running(["--app=hello.greet", f"--listen=tcp:{port}"], app) as cluster:
        frozen, other = cluster.workerPids()
        os.kill(frozen, signal.SIGSTOP)
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(10)]
        os.kill(frozen, signal.SIGKILL)
        for client in clients:
            client.settimeout(5.0)
            assert int(client.recv(100)) == other
            client.close()


def test_frozenWorkerDelaysNobody(app: Path) -> None:
    """
    With one of two workers frozen under load every new connection is served by the
    other, and none waits more than half a second.
    """
    port = freePort()
    with running(["--app=hello.greet", f"--listen=tcp:{port}"], app) as cluster:
        frozen, other = cluster.workerPids()

        def timed(_: int) -> tuple[int, float]:
            begun = time.monotonic()
            return int(ask(port)), time.monotonic() - begun

        with ThreadPoolExecutor(8) as clients:
            list(clients.map(timed, range(50)))
            os.kill(frozen, signal.SIGSTOP)
            results = list(clients.map(timed, range(400)))
            os.kill(frozen, signal.SIGCONT)
        assert {pid for pid, _ in results[8:]} == {other}
        assert max(waited for _, waited in results) < 0.5
        eventually(lambda: int(ask(port)) == frozen, "it is offered connections again")


def test_whenNobodyCanTakeMoreTheKernelHoldsTheRest(app: Path) -> None:
    """
    With all workers frozen the primary stops accepting; nothing is lost.
    """
    port = freePort()
    with running(["--app=hello.greet", f"--listen=tcp:{port}"], app) as cluster:
        before = openDescriptors(cluster.pid)
        for pid in cluster.workerPids():
            os.kill(pid, signal.SIGSTOP)
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        # It may be in the midst of a burst.
        eventually(lambda: openDescriptors(cluster.pid) <= before + 2, "it has none")
        for pid in cluster.workerPids():
            os.kill(pid, signal.SIGCONT)
        for client in clients:
            client.settimeout(5.0)
            assert client.recv(100)
            client.close()


def test_killedPrimaryLeavesNobody(app: Path) -> None:
    """
    When the primary is killed its workers stop listening, finish, and end.
    """
    port = freePort()
    with running(["--app=hello.obey", f"--listen=tcp:{port}"], app) as cluster:
        with socket.create_connection(("127.0.0.1", port), 5.0) as client:
            client.sendall(b"pid")
            assert client.recv(100)
            workers = cluster.workerPids()
            client.sendall(b"slow")
            os.kill(cluster.pid, signal.SIGKILL)
            eventually(lambda: isRefused(port), "the port is free")
            assert client.recv(100) == b"done"
        eventually(lambda: not any(map(isAlive, workers)), "the workers have ended")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopDrains(app: Path, number: int) -> None:
    """
    A signal stops accepting; what is being served is served to its end.
    """
    port = freePort()
    with running(["--app=hello.obey", f"--listen=tcp:{port}"], app) as cluster:
        with socket.create_connection(("127.0.0.1", port), 5.0) as client:
            client.sendall(b"pid")
            assert client.recv(100)
            client.sendall(b"slow")
            os.killpg(cluster.pid, number) if number == signal.SIGINT else cluster.signal(
                number
            )
            eventually(lambda: isRefused(port), "the port is free")
            assert client.recv(100) == b"done"
        assert cluster.wait() == 0


def test_drainEndsInTime(app: Path) -> None:
    """
    A client that never goes away is cut off after the drain time-out.
    """
    port = freePort()
    arguments = ["--app=hello.obey", f"--listen=tcp:{port}", "--drain-timeout", "0.5"]
    with running(arguments, app) as cluster:
        with socket.create_connection(("127.0.0.1", port), 5.0) as client:
            client.sendall(b"pid")
            assert client.recv(100)
            cluster.signal(signal.SIGTERM)
            assert client.recv(100) == b""
        assert cluster.wait() == 0


def test_workerToldToStopIsReplaced(app: Path) -> None:
    """
    SIGTERM sent to a worker drains that one; another takes its slot.
    """
    port = freePort()
    with running(["--app=hello.obey", f"--listen=tcp:{port}"], app) as cluster:
        with socket.create_connection(("127.0.0.1", port), 5.0) as client:
            client.sendall(b"pid")
            pid = int(client.recv(100))
            client.sendall(b"slow")
            os.kill(pid, signal.SIGTERM)
            assert client.recv(100) == b"done"
        cluster.waitOnline(3)
        assert pid not in cluster.workerPids()


def test_workersSpeakInThePrimarysLog(app: Path) -> None:
    """
    Log records, prints and what C code writes arrive with the worker's number.
    """
    port = freePort()
    with running(["--app=hello.obey", f"--listen=tcp:{port}"], app, 1) as cluster:
        with socket.create_connection(("127.0.0.1", port), 5.0) as client:
            client.sendall(b"print")
            cluster.waitFor("printed line")
            cluster.waitFor("stray line")
        for line in cluster.output().splitlines():
            if "printed line" in line or "stray line" in line:
                assert re.match(r"\S+ worker 1 \[\S+#\w+\] ", line)


def test_workersChildrenSeeNothingOfTheCluster(app: Path) -> None:
    """
    A process that a worker starts has neither its descriptors nor its variable.
    """
    (app / "spawner.py").write_text(
        "import subprocess, sys\n"
        "from hello import greet\n"
        "print(subprocess.run([sys.executable, '-c', 'import os;"
        'print(sorted(os.listdir("/proc/self/fd"))[:4],'
        ' [n for n in os.environ if "CLUSTER" in n])\'], '
        "close_fds=False, capture_output=True, text=True).stdout)\n"
    )
    port = freePort()
    with running(["--app=spawner.greet", f"--listen=tcp:{port}"], app, 1) as cluster:
        assert "['0', '1', '2', '3'] []" in cluster.output()


def test_oneWorkerFailsToStartAndNothingIsLeft(app: Path) -> None:
    """
    An application that cannot be imported ends the cluster, with its traceback once.
    """
    (app / "broken.py").write_text("1 / 0\n")
    port = freePort()
    with RunningCluster(["--app=broken.x", f"--listen=tcp:{port}"], app) as cluster:
        assert cluster.wait() == 1
        assert cluster.output().count("Traceback (most") == 1
        assert childrenOf(cluster.pid) == []
        assert isRefused(port)


def test_crashLoopGoesOn(app: Path) -> None:
    """
    An application whose every worker dies soon after it came up can start: it may be one
    client that makes it die, and that client shall not end the cluster.
    """
    (app / "dying.py").write_text(
        "import os\nfrom hello import greet\nfrom twisted.internet import reactor\n"
        "reactor.callWhenRunning(reactor.callLater, 0.2, os._exit, 3)\n"
    )
    port = freePort()
    arguments = ["--workers=2", "--app=dying.greet", f"--listen=tcp:{port}"]
    with RunningCluster(arguments, app) as cluster:
        cluster.waitFor("exited with 3", 5)
        assert cluster.stop() == 0
