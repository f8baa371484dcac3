"""
C{--dispatch kernel}: each worker accepts from a socket of its own, and the kernel chooses
whose.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.primary.ports.streams import mayLoad
from tests.process.cluster import RunningCluster, ask, eventually, freePort
from tests.process.somebody import (
    NOBODY,
    asRoot,
    pathsForNobody,
    publicCopy,
    pythonForNobody,
)

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(60),
    pytest.mark.skipif(sys.platform != "linux", reason="Linux has such programs"),
]
KERNEL = ("--dispatch=kernel", "--policy=random")
# What becomes of root without the right to load programs.
CLASSIC = ("setpriv", "--bounding-set=-bpf,-sys_admin")
needsExtended = pytest.mark.skipif(not mayLoad(), reason="needs CAP_BPF")
KINDS = [pytest.param("extended", marks=needsExtended), "classic"]


def without(kind: str) -> Sequence[str]:
    """
    A command under which the kernel lets a cluster have only such programs.
    """
    if kind == "extended" or not mayLoad():
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    return CLASSIC


@contextmanager
def steered(
    directory: Path,
    *more: str,
    workers: int = 3,
    kind: str = "",
    app: str = "hello.greet",
    dispatch: Sequence[str] = KERNEL,
) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster to whose workers the kernel steers, and its port.
    """
    port = freePort()
    arguments = [f"--workers={workers}", f"--app={app}", f"--listen=tcp:{port}"]
    under = without(kind) if kind else ()
    with RunningCluster([*arguments, *dispatch, *more], directory, under=under) as one:
        one.waitOnline(workers)
        if kind:
            assert f"the kernel chooses ({kind} BPF" in one.output()
        yield one, port


class Queue:
    """
    Clients that have connected, and wait.
    """

    def __init__(self, stack: ExitStack, port: int, count: int) -> None:
        where = ("127.0.0.1", port)
        self._clients = [
            stack.enter_context(socket.create_connection(where, 5.0))
            for _ in range(count)
        ]

    def servers(self) -> Counter[int]:
        """
        Who has served how many, of whom each has been.
        """
        with ThreadPoolExecutor(32) as readers:
            said = list(readers.map(lambda client: client.recv(100), self._clients))
        return Counter(map(int, said))


@pytest.mark.parametrize("kind", KINDS)
def test_eachHasItsShareAndWhoWaitsForADeadOneIsServed(app: Path, kind: str) -> None:
    """
    Workers accept themselves, all of them, and the primary has no part in it. What the
    kernel has queued for one that is killed others get, none is reset; the one in its
    place is chosen like the others.
    """
    with steered(app, kind=kind) as (cluster, port), ExitStack() as stack:
        victim, *others = cluster.workerPids()
        os.kill(cluster.pid, signal.SIGSTOP)
        with ThreadPoolExecutor(8) as clients:
            served = Counter(map(int, clients.map(lambda _: ask(port), range(300))))
        os.kill(cluster.pid, signal.SIGCONT)
        assert served.keys() == {victim, *others}
        # A fifth of what each should have is five deviations, and more.
        assert min(served.values()) > 50
        os.kill(victim, signal.SIGSTOP)
        queue = Queue(stack, port, 90)
        os.kill(victim, signal.SIGKILL)
        served = queue.servers()
        assert served.total() == 90
        assert served.keys() == set(others)
        cluster.waitOnline(4)
        successor = cluster.workerPids()[0]
        eventually(lambda: int(ask(port)) == successor, "it is chosen")


def test_aHungWorkerHoldsNobodyUp(app: Path) -> None:
    """
    Who waits for a worker that does nothing is soon somebody else's, and nobody else
    comes to it.
    """
    with steered(app, "--hang-timeout=60") as (cluster, port):
        victim, *others = cluster.workerPids()
        os.kill(victim, signal.SIGSTOP)
        begun = time.monotonic()
        with ExitStack() as stack:
            served = Queue(stack, port, 60).servers()
        # That takes a tenth of it.
        assert time.monotonic() - begun < 2.0
        assert served.keys() == set(others)
        assert {int(ask(port)) for _ in range(20)} <= set(others)
        os.kill(victim, signal.SIGCONT)
        eventually(lambda: int(ask(port)) == victim, "it is chosen again")


def test_nobodyIsLostInAReload(app: Path) -> None:
    """
    Whoever comes meanwhile is served, at the end by new workers.
    """
    with steered(app, "--reload-trial=0.1", workers=2) as (cluster, port):
        before = set(cluster.workerPids())
        cluster.signal(signal.SIGHUP)
        served: set[int] = set()
        while cluster.online() < 4 or not set(cluster.workerPids()) <= served:
            served.add(int(ask(port)))
        assert before.isdisjoint(cluster.workerPids())


def test_whoWaitsAtAStopIsServed(app: Path) -> None:
    """
    A cluster that ends serves who has come, also from a worker that does nothing.
    """
    with steered(app, "--hang-timeout=60") as (cluster, port), ExitStack() as stack:
        victim = cluster.workerPids()[0]
        os.kill(victim, signal.SIGSTOP)
        queue = Queue(stack, port, 60)
        cluster.signal(signal.SIGTERM)
        served = queue.servers()
        assert served.total() == 60
        os.kill(victim, signal.SIGKILL)
        assert cluster.wait() == 0


def test_whatTheKernelCannotDoIsHandedOver(app: Path) -> None:
    """
    One line says that, and why.
    """
    asked = ("--dispatch=auto", "--policy=least-lag")
    with steered(app, workers=1, dispatch=asked) as (cluster, port):
        assert int(ask(port)) == cluster.workerPids()[0]
        said = [one for one in cluster.output().splitlines() if "in the kernel" in one]
        assert len(said) == 1
        assert "the primary hands connections over" in said[0]


def test_aWorkerHasNoMoreThanItMay(app: Path) -> None:
    """
    Who accepts itself counts that; one more waits until there is a place.
    """
    more = ("--max-connections=2", "--policy=random")
    with steered(app, *more, workers=2, app="hello.obey") as (cluster, port):
        assert "the kernel chooses" in cluster.output()
        with ExitStack() as stack:
            clients = [stack.enter_context(_Asking(port)) for _ in range(5)]
            eventually(lambda: sum(one.isServed() for one in clients) == 4, "four are")
            served = [one for one in clients if one.isServed()]
            [waiting] = set(clients) - set(served)
            assert sorted(Counter(one.pid for one in served).values()) == [2, 2]
            served[0].close()
            eventually(waiting.isServed, "it has a place")
            assert waiting.pid == served[0].pid


@asRoot
@needsExtended
def test_programsAreThereBeforePrivilegesAreShed(app: Path) -> None:
    """
    Who is root when ports are bound has the better ones, and goes on to steer by them
    when it is nobody.
    """
    python, port = pythonForNobody(), freePort()
    arguments = ["--workers=2", "--app=hello.greet", f"--listen=tcp:{port}", KERNEL[0]]
    env, twistd = {"PYTHONPATH": pathsForNobody()}, ("-n", "--pidfile=", *NOBODY)
    with publicCopy(app) as public:
        with RunningCluster(arguments, public, env, twistd, python) as cluster:
            cluster.waitOnline(2)
            assert "the kernel chooses (extended BPF; " in cluster.output()
            victim, other = cluster.workerPids()
            served = Counter(int(ask(port)) for _ in range(20))
            assert served == {victim: 10, other: 10}
            os.kill(victim, signal.SIGKILL)
            cluster.waitOnline(3)
            successor = cluster.workerPids()[0]
            eventually(lambda: int(ask(port)) == successor, "it is chosen")


SCRIPT = """
import os
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted_cluster import cluster
from hello import greet

if cluster.isPrimary:
    cluster.schedulingPolicy = "random"
    cluster.setupPrimary(dispatch=["handoff", "tcp:{port}=kernel"])
    cluster.on("online", lambda worker: print("online", flush=True))
    cluster.on("listening", lambda worker, where: print("listening", flush=True))
    cluster.fork()
    cluster.fork()
else:
    reactor.listenTCP({port}, greet)
reactor.run()
"""


def test_scriptsSayItAsWell(app: Path) -> None:
    """
    C{cluster.setupPrimary(dispatch=...)}.
    """
    port = freePort()
    (app / "script.py").write_text(SCRIPT.format(port=port))
    with _Script((), app, twistd=(), program=("script.py",)) as cluster:
        cluster.waitFor("listening", 2)
        os.kill(cluster.pid, signal.SIGSTOP)
        served = {ask(port) for _ in range(60)}
        os.kill(cluster.pid, signal.SIGCONT)
        assert len(served) == 2


class _Script(RunningCluster):
    PLUGIN = ()


class _Asking:
    """
    A client that has asked who serves it, and stays.
    """

    pid = 0

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 5.0)
        self._socket.sendall(b"pid")
        self._socket.setblocking(False)

    def isServed(self) -> bool:
        """
        Whether there is an answer.
        """
        if not self.pid:
            with suppress(BlockingIOError):
                self.pid = int(self._socket.recv(100))
        return bool(self.pid)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> _Asking:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
