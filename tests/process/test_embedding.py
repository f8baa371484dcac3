"""
Clusters in other people's programs.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.cluster import (
    ROOT,
    RunningCluster,
    ask,
    environment,
    eventually,
    freePort,
    membersOf,
)

pytestmark = pytest.mark.process
EXAMPLES = ROOT / "docs/examples"
GET = b"GET / HTTP/1.0\r\n\r\n"


class RunningFile(RunningCluster):
    """
    C{twistd -n -y FILE}, which has a cluster in it.
    """

    PLUGIN = ("-y",)


def number(page: bytes) -> int:
    """
    The process that a page of F{demo.py} names.
    """
    return int(page.partition(b"<b>")[2].partition(b"</b>")[0])


def test_theExampleServes() -> None:
    """
    F{embedded.tac}: two workers serve in turn. SIGTERM is the host's, which stops its
    services: who is being served is served to the end.
    """
    port = freePort()
    env = {"PORT": str(port)}
    with RunningFile(["embedded.tac"], EXAMPLES, env) as host:
        host.waitOnline(2)
        served = {number(ask(port, GET)) for _ in range(4)}
        assert served == set(host.workerPids())
        with socket.create_connection(("127.0.0.1", port), 5.0) as client:
            client.sendall(GET[:-2])
            host.signal(signal.SIGTERM)
            host.waitFor("SIGTERM")
            client.sendall(GET[-2:])
            assert number(b"".join(iter(lambda: client.recv(65536), b""))) in served
        # As twistd ends with any application.
        assert host.wait() == -signal.SIGTERM


def runProgram(port: int) -> tuple[int, str, str]:
    """
    Run F{embedded.py} to its end, which leaves no process.

    @return: Its exit code, and what it has said.
    """
    program = subprocess.Popen(
        [sys.executable, "embedded.py", str(port)],
        cwd=EXAMPLES,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    said, errors = program.communicate(timeout=40)
    eventually(lambda: not membersOf(program.pid), "every process has ended", 5.0)
    return program.returncode, said, errors


def test_aProgramHasOneTwice() -> None:
    """
    F{embedded.py}: started, stopped, started again, on the same port.
    """
    code, said, errors = runProgram(freePort())
    assert (code, errors) == (0, "")
    assert said.splitlines() == [
        "first served",
        "first over",
        "second served",
        "second over",
    ]


def test_aPortThatIsTakenIsTheProgramsToHandle() -> None:
    """
    It is an C{OSError}, which can be caught.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, said, errors = runProgram(taken.getsockname()[1])
    assert (code, said) == (1, "")
    assert errors.startswith("cannot listen: ")
    assert "Address already in use" in errors
    assert "Traceback" not in errors


def test_theGuideShowsTheExamples() -> None:
    """
    docs/embedding.md has them word for word, but for what they say of themselves.
    """
    guide = (ROOT / "docs/embedding.md").read_text()
    for example in EXAMPLES.glob("embedded.*"):
        _, _, program = example.read_text().partition('"""\n\n')
        assert f"```python\n{program}```" in guide, example.name


def test_aServiceCanBeStartedAgain(app: Path) -> None:
    """
    Start, stop, start: ports are bound anew, workers have new ids, what is dead is
    counted. Signal handlers are as they were, and the exit code is the program's.
    """
    port = freePort()
    program = str(ROOT / "tests/process/fixtures/restarting.py")
    done = subprocess.run(
        [sys.executable, program, "hello.greet", str(port)],
        cwd=app,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    listeners = [[f"tcp:{port}", True]]
    assert first == {
        "ready": True,
        "ids": [1, 2],
        "slots": [1, 2],
        "listeners": listeners,
        "started": 2,
    }
    assert second == {**first, "ids": [3, 4], "started": 4}


def test_aHostsSignalsAreItsOwnWhileAClusterStops(app: Path) -> None:
    """
    Two of them are no hurry: who is being served is served to the end, and the host goes
    on.
    """
    port = freePort()
    program = str(ROOT / "tests/process/fixtures/hosting.py")
    host = subprocess.Popen(
        [sys.executable, program, "hello.obey", str(port)],
        cwd=app,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert host.stdout is not None
    try:
        assert host.stdout.readline() == "ready\n"
        with socket.create_connection(("127.0.0.1", port), 10.0) as client:
            client.sendall(b"pid\n")
            assert client.recv(100)
            assert host.stdout.readline() == "heard 2 stopped False\n"
            client.sendall(b"slow\n")
            assert client.recv(100) == b"done"
        assert host.stdout.read() == "over\n"
        assert host.wait(20) == 0
        eventually(lambda: not membersOf(host.pid), "every process has ended", 5.0)
    finally:
        host.kill()
        host.wait()
        host.stdout.close()
