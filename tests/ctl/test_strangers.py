"""
A control socket that another user of the machine serves.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("click")

from tests.process.control import shortDirectory
from tests.process.somebody import asRoot
from twisted_cluster.controlpath import nameFor
from twisted_cluster.ctl.client import Client
from twisted_cluster.ctl.failures import FORBIDDEN, NOBODY, Failure
from twisted_cluster.ctl.finding import find

pytestmark = asRoot

STRANGER, ANOTHER = 65534, 65533
CLEAR = "\x1b[2J\x1b[Hall is well"


@contextmanager
def being(uid: int) -> Iterator[None]:
    """
    Do something as somebody else.
    """
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


class Impostor:
    """
    Listens like a cluster, and answers what steers a terminal.

    @ivar asked: What it was sent.
    """

    def __init__(self, path: Path) -> None:
        self.asked: list[bytes] = []
        with being(STRANGER):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(str(path))
            self._socket.listen()
            path.chmod(0o666)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                data = connection.recv(65536)
                if data:
                    self.asked.append(data)
                    connection.sendall(self._answer(data))

    def _answer(self, request: bytes) -> bytes:
        body = json.dumps({"progress": CLEAR}) + "\n" + json.dumps({"done": CLEAR})
        if b"/logs" in request:
            body = CLEAR
        if b"/drain" in request:
            body = json.dumps({"error": CLEAR})
        if b"/scale" in request:
            body = "[1]"
        return f"HTTP/1.0 200 OK\r\n\r\n{body}\n".encode()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def place() -> Iterator[Path]:
    """
    Where it was put before anybody else came: in a directory where everybody may write.
    """
    with shortDirectory() as short:
        short.chmod(0o1777)
        yield short


@contextmanager
def impostor(path: Path) -> Iterator[Impostor]:
    with being(STRANGER):
        path.parent.mkdir(exist_ok=True)
        path.parent.chmod(0o755)
    there = Impostor(path)
    try:
        yield there
    finally:
        there.close()


def test_nobodyFindsIt(place: Path) -> None:
    """
    It is called as that of root's cluster would be, and lies where that would lie.
    """
    pidfile = str(place / "twistd.pid")
    path = place / "twisted-cluster-0" / nameFor(pidfile, 0)
    with impostor(path) as there:
        environment = {"TMPDIR": str(place), "RUNTIME_DIRECTORY": str(path.parent)}
        with pytest.raises(Failure) as failed:
            Client(find(None, pidfile, environment)).status()
        assert failed.value.exit_code == NOBODY
        assert there.asked == []


def test_nobodyElseAsksIt(place: Path) -> None:
    """
    Not even by its name.
    """
    path = place / "sockets" / "control"
    with impostor(path) as there:
        with being(ANOTHER), pytest.raises(Failure) as failed:
            Client(str(path)).status()
        assert failed.value.exit_code == FORBIDDEN
        assert "another user's: uid 65534" in failed.value.message
        assert there.asked == []


def test_itSteersNoTerminal(place: Path) -> None:
    """
    Not root's either, who asks it by its name.
    """
    path = place / "sockets" / "control"
    with impostor(path) as there:
        client = Client(str(path))
        shown: list[str] = []
        shown.append(client.tell("reload", {}, shown.append))
        shown += client.logs({})
        with pytest.raises(Failure) as failed:
            client.tell("drain", {}, shown.append)
        shown.append(failed.value.message)
        with pytest.raises(Failure, match="is no control socket"):
            client.tell("scale", {}, shown.append)
        assert len(there.asked) == 4
        assert [each.strip() for each in shown] == [r"\x1b[2J\x1b[Hall is well"] * 4
