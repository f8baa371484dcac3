"""
What clients of a control socket do to it, and it to nobody else.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, ask, eventually, freePort, running
from tests.process.control import CTL, connect, ctl, request, shortDirectory, status
from tests.process.somebody import asRoot, pathsForNobody, publicCopy, pythonForNobody

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

CHATTY = """
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger

log = Logger()

class Chat(Protocol):
    def dataReceived(self, data):
        for number in range(int(data)):
            reactor.callLater(number / 2000, log.info, "line " + "x" * 500)
        reactor.callLater(int(data) / 2000 + 0.5, self.transport.write, b"done")

chat = Factory.forProtocol(Chat)
"""


@pytest.fixture
def path() -> Iterator[Path]:
    """
    Where a control socket may be.
    """
    with shortDirectory() as short:
        yield short / "control"


@pytest.fixture
def there(app: Path, path: Path) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster that can be asked, and its port.
    """
    port = freePort()
    options = ["--app=hello.greet", f"--listen=tcp:{port}", f"--control={path}"]
    with running(options, app, workers=1) as cluster:
        yield cluster, port


Cluster = tuple[RunningCluster, int]


def test_aThousandConnectionsHurtNobody(there: Cluster, path: Path) -> None:
    """
    Those that have been idle for longest are closed; clients are served, and so is who
    asks.
    """
    cluster, port = there
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    crowd = []
    try:
        for count in range(1000):
            crowd.append(connect(path))
            if count % 100 == 0:
                assert status(path)["isReady"]
                assert ask(port)
        begun = time.monotonic()
        assert status(path)["isReady"]
        assert time.monotonic() - begun < 1.0
        eventually(lambda: _descriptors(cluster.pid) < 120, "few are kept")
    finally:
        for one in crowd:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 100_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500),
        b"GET /status HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"POST /scale HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 100_000,
        b"POST /scale HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\nxx",
        b"POST /scale HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET /status HTTP/1.1\r\n\r\n" * 2000,
    ],
)
def test_garbageHurtsNobody(there: Cluster, path: Path, garbage: bytes) -> None:
    """
    It is answered with an error, or not at all.
    """
    cluster, port = there
    with connect(path) as client:
        try:
            client.sendall(garbage)
        except OSError:
            pass
        assert status(path)["isReady"]
        assert ask(port)
    assert "Traceback" not in cluster.output()


def test_whoStallsIsLetGo(there: Cluster, path: Path) -> None:
    """
    All of a request has to be there in 10 seconds, whatever comes meanwhile.
    """
    with connect(path, 20.0) as slow, connect(path, 20.0) as silent:
        begun = time.monotonic()
        slow.settimeout(0.2)
        isOpen = True
        while isOpen and time.monotonic() - begun < 15.0:
            try:
                slow.sendall(b"G")
                isOpen = slow.recv(1) != b""
            except TimeoutError:
                continue
            except OSError:
                isOpen = False
        assert not isOpen
        assert 8.0 < time.monotonic() - begun < 13.0
        assert silent.recv(1) == b""


def test_whoReadsTheLogSlowlyIsToldWhatHeHasMissed(tmp_path: Path, path: Path) -> None:
    """
    What waits for him is bounded.
    """
    (tmp_path / "chatty.py").write_text(CHATTY)
    port = freePort()
    options = ["--app=chatty.chat", f"--listen=tcp:{port}", f"--control={path}"]
    with running(options, tmp_path, workers=1), connect(path) as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.sendall(b"GET /logs?follow=1&lines=0 HTTP/1.1\r\n\r\n")
        assert reader.recv(100).startswith(b"HTTP/1.1 200")
        with socket.create_connection(("127.0.0.1", port), 30.0) as client:
            client.sendall(b"4000")
            assert client.recv(10) == b"done"
        assert status(path)["isReady"]
        told = b""
        while b"dropped: this reader is too slow]" not in told[-200:]:
            told += reader.recv(65536)
        assert len(told) < 1 << 20


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("GET /nothing", 404),
        ("GET /stop", 405),
        ("POST /status", 405),
        ("POST /drain", 409),
        ("POST /drain?worker=9", 409),
        ("POST /drain?worker=x", 409),
        ("POST /scale?workers=0", 409),
        ("POST /scale?workers=many", 409),
        ("POST /reload?nonsense=1", 400),
        ("POST /scale?workers=1&workers=2", 400),
        ("POST /reload?step=0", 409),
        ("POST /reload?canary=200%25", 409),
        ("POST /reload?directory=/no/such/place", 409),
        ("GET /logs?lines=x", 400),
        ("GET /logs?worker=9", 404),
        ("GET /../../etc/passwd", 404),
    ],
)
def test_whatCannotBeDoneIsRefused(
    there: Cluster, path: Path, head: str, code: int
) -> None:
    """
    With a sentence, and without a traceback.
    """
    cluster, _ = there
    said, body = request(path, head)
    assert said == code, body
    assert b'{"error": "' in body
    assert "Traceback" not in cluster.output()


VERBS = [
    ["status"],
    ["top", "-n1"],
    ["reload"],
    ["scale", "2"],
    ["drain", "1"],
    ["kill", "1"],
    ["stop"],
    ["stacks"],
    ["policy", "random"],
    ["logs"],
]


def test_aClusterThatDoesNotRun(path: Path) -> None:
    """
    Every command says so, whatever is left of it, and exits with 3.
    """
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    for where in (path, path.parent / "nowhere"):
        for verb in VERBS:
            done = ctl(*verb, f"--control={where}")
            assert done.returncode == 3, done.stderr
            assert done.stderr == f"twisted-cluster: no cluster runs at {where}\n"


@asRoot
def test_anotherUserMayNothing(app: Path) -> None:
    """
    The file is not his; nor is he heard if it can be opened. Every command exits with 4.
    """
    python = pythonForNobody()
    with publicCopy(app) as copy, shortDirectory() as short:
        short.chmod(0o755)
        path = short / "control"
        options = ["--app=hello.greet", f"--listen=tcp:{freePort()}"]
        with running([*options, f"--control={path}"], copy, workers=1) as cluster:
            for mode in (0o600, 0o666):
                path.chmod(mode)
                for verb in VERBS[: 1 if mode == 0o666 else None]:
                    done = subprocess.run(
                        [python, *CTL[1:], *verb, f"--control={path}"],
                        env={"PYTHONPATH": pathsForNobody(), "LC_ALL": "C.UTF-8"},
                        user=65534,
                        group=65534,
                        capture_output=True,
                        text=True,
                    )
                    assert done.returncode == 4, done.stderr
                    assert done.stderr.count("\n") == 1
            assert "uid 65534" in cluster.output()
            assert status(path)["isReady"]


def test_aWorkerThatIsNotThere(there: Cluster, path: Path) -> None:
    """
    Who there is instead is said.
    """
    for verb in ("drain", "kill", "stacks", "logs"):
        done = ctl(verb, "9", f"--control={path}")
        assert done.returncode == 1
        why = "twisted-cluster: there is no worker 9; there are: 1\n"
        assert done.stderr == why


def test_theCommandIsWrong(path: Path) -> None:
    """
    That is 2, and asks nobody.
    """
    for wrong in (["nonsense"], ["scale"], ["drain"], ["reload", "--for", "soon"]):
        assert ctl(*wrong, f"--control={path}").returncode == 2
    assert ctl("status", f"--control={'x' * 200}").returncode == 2


def test_whoIsInterruptedLeavesTheClusterToIt(there: Cluster, path: Path) -> None:
    """
    Ctrl-C ends the command alone; what it has asked for is done.
    """
    cluster, _ = there
    process = subprocess.Popen(
        [*CTL, "scale", "2", f"--control={path}"], stderr=subprocess.PIPE, text=True
    )
    cluster.waitFor("scale workers=2: asked for")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "the cluster goes on" in said
    cluster.waitOnline(2)
