"""
C{breakpoint()} in an application.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, environment, eventually, freePort
from tests.process.terminal import AtTerminal

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]
APP = """
import os
from twisted.internet.protocol import Factory, Protocol


class Stop(Protocol):
    def dataReceived(self, data):
        answer = data.decode()
        breakpoint()
        self.transport.write(answer.encode())
        self.transport.loseConnection()


stop = Factory.forProtocol(Stop)

if "BREAK_AT_START" in os.environ:
    breakpoint()
    print("started")
"""


@pytest.fixture
def stopping(tmp_path: Path) -> Path:
    """
    A directory with an application that stops in each request.
    """
    (tmp_path / "stopping.py").write_text(APP)
    return tmp_path


def environmentOf(directory: Path, **more: str) -> Mapping[str, str]:
    """
    In which it can be imported.
    """
    return {"PYTHONPATH": f"{directory}:{environment()['PYTHONPATH']}", **more}


def arguments(port: int, workers: int = 1) -> list[str]:
    """
    Of a cluster of it.
    """
    return [f"--workers={workers}", "--app=stopping.stop", f"--listen=tcp:{port}"]


def asked(port: int, question: bytes) -> socket.socket:
    """
    A client that waits for an answer.
    """
    eventually(lambda: isListening(port), "the port is there")
    client = socket.create_connection(("127.0.0.1", port), 20)
    client.sendall(question)
    return client


def isListening(port: int) -> bool:
    """
    Whether anybody listens there.
    """
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_atATerminalItIsTheDebugger(stopping: Path) -> None:
    """
    The prompt can be read, and answered; the request goes on. Ctrl-C ends the cluster,
    then.
    """
    port = freePort()
    given = ["cluster", *arguments(port)]
    with AtTerminal(given, stopping, environmentOf(stopping)) as terminal:
        with asked(port, b"first") as client:
            terminal.waitFor("(Pdb) ")
            terminal.type("p answer + '!'\n")
            terminal.waitFor("'first!'")
            terminal.type("answer = 'another'\n")
            terminal.waitFor("(Pdb) ", 3)
            terminal.type("c\n")
            assert client.recv(100) == b"another"
        with asked(port, b"second") as client:
            terminal.waitFor("(Pdb) ", 4)
            terminal.type("c\n")
            assert client.recv(100) == b"second"
        terminal.interrupt()
        assert terminal.wait() == 0


def test_atThePromptCtrlCEndsTheCluster(stopping: Path) -> None:
    """
    As soon as the request has gone on; the prompt stays until then.
    """
    port = freePort()
    given = ["cluster", *arguments(port)]
    with AtTerminal(given, stopping, environmentOf(stopping)) as terminal:
        with asked(port, b"first") as client:
            terminal.waitFor("(Pdb) ")
            terminal.interrupt()
            terminal.waitFor("shutting down")
            terminal.type("c\n")
            assert client.recv(100) == b"first"
        assert terminal.wait() == 0


def test_aStartThatIsLookedAtIsNotOverdue(stopping: Path) -> None:
    """
    It takes as long as the person at the terminal does: longer than it may.
    """
    port = freePort()
    given = ["cluster", "--start-timeout=2", *arguments(port)]
    env = environmentOf(stopping, BREAK_AT_START="1")
    with AtTerminal(given, stopping, env) as terminal:
        terminal.waitFor("(Pdb) ")
        time.sleep(3)
        terminal.type("c\n")
        with asked(port, b"on") as client:
            terminal.waitFor("(Pdb) ", 2)
            terminal.type("c\n")
            assert client.recv(100) == b"on"
        assert "is killed" not in terminal.shown()
        terminal.interrupt()
        assert terminal.wait() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_elsewhereItIsSaidHow(stopping: Path, workers: int) -> None:
    """
    There is no terminal: the request goes on, and the log says it once.
    """
    port = freePort()
    env = environmentOf(stopping)
    with RunningCluster(arguments(port, workers), stopping, env) as cluster:
        cluster.waitOnline(workers)
        for _ in range(5):
            with asked(port, b"on") as client:
                assert client.recv(100) == b"on"
        cluster.waitFor("is passed over")
        assert "--workers 1" in cluster.output()
        assert 1 <= cluster.output().count("is passed over") <= workers


def test_ofSeveralAtATerminalNoneHasIt(stopping: Path) -> None:
    """
    It would not be known which of them is meant.
    """
    port = freePort()
    given = ["cluster", *arguments(port, 2)]
    with AtTerminal(given, stopping, environmentOf(stopping)) as terminal:
        with asked(port, b"on") as client:
            assert client.recv(100) == b"on"
        terminal.waitFor("is passed over")
        terminal.interrupt()
        assert terminal.wait() == 0


def test_whatTheUserHasChosenIsTaken(stopping: Path) -> None:
    """
    C{PYTHONBREAKPOINT}.
    """
    port = freePort()
    env = environmentOf(stopping, PYTHONBREAKPOINT="os.getcwd")
    with RunningCluster(arguments(port), stopping, env) as cluster:
        cluster.waitOnline(1)
        with asked(port, b"on") as client:
            assert client.recv(100) == b"on"
        assert "is passed over" not in cluster.output()
