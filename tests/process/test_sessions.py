"""
Sessions that live in one worker, with a real client of theirs.
"""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import engineio
import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.process.cluster import RunningCluster, eventually, freePort

pytestmark = [pytest.mark.process, pytest.mark.slow]
FIXTURES = Path(__file__).parent / "fixtures"
POLICIES = ["sticky:by=query,name=sid", "sticky:by=address"]


class From(HTTPAdapter):
    """
    Connects from an address of its own, and each time anew.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        super().__init__()

    def init_poolmanager(self, *arguments: object, **more: object) -> None:
        # ip(7), IP_BIND_ADDRESS_NO_PORT
        options = [(0, 24, 1)]
        super().init_poolmanager(
            *arguments, source_address=(self._source, 0), socket_options=options, **more
        )


class Player:
    """
    An Engine.IO client that polls, with one connection for each request.
    """

    def __init__(self, port: int, source: str) -> None:
        session = requests.Session()
        session.headers["Connection"] = "close"
        session.mount("http://", From(source))
        self._client = engineio.Client(http_session=session, handle_sigint=False)
        self._heard: queue.Queue[str] = queue.Queue()
        self._client.on("message", self._heard.put)
        self._port = port
        self.connect()

    def connect(self) -> None:
        """
        Begin a session.
        """
        where = f"http://127.0.0.1:{self._port}"
        self._client.connect(where, transports=["polling"])

    @property
    def isConnected(self) -> bool:
        """
        Whether the session lasts.
        """
        return self._client.state == "connected"

    def server(self) -> int:
        """
        Say something, and hear which process answers.
        """
        self._client.send("hello")
        pid, said = self._heard.get(timeout=10).split()
        assert said == "hello"
        return int(pid)

    def leave(self) -> None:
        """
        End the session.
        """
        if self.isConnected:
            self._client.disconnect()
        self._client.wait()


@contextmanager
def players(port: int, count: int) -> Iterator[list[Player]]:
    """
    So many clients, each at an address of its own.
    """
    made = [Player(port, f"127.0.0.{n + 10}") for n in range(count)]
    try:
        yield made
    finally:
        for player in made:
            player.leave()


@pytest.mark.parametrize("policy", POLICIES)
def test_sessionsStayWithTheirWorkers(policy: str) -> None:
    """
    Each request of a session, all by connections of their own, reaches the worker that
    has it. When a worker dies its sessions are lost and begin again elsewhere; nobody
    else notices, not even when its replacement comes.
    """
    port = freePort()
    arguments = ["--workers=4", f"--policy={policy}", "--app=polling.app"]
    arguments += [f"--listen=tcp:{port}", "--drain-timeout=2"]
    with RunningCluster(arguments, FIXTURES) as cluster:
        cluster.waitOnline(4)
        with players(port, 24) as everybody:
            homes = [player.server() for player in everybody]
            assert len(set(homes)) == 4
            for _ in range(3):
                assert [player.server() for player in everybody] == homes
            victim = homes[0]
            os.kill(victim, signal.SIGKILL)
            lost = [p for p, home in zip(everybody, homes) if home == victim]
            kept = [(p, home) for p, home in zip(everybody, homes) if home != victim]
            eventually(
                lambda: not any(player.isConnected for player in lost), "they are lost"
            )
            for player in lost:
                player.connect()
            anew = [player.server() for player in lost]
            cluster.waitOnline(5)
            for _ in range(2):
                assert [player.server() for player, _ in kept] == [h for _, h in kept]
                assert [player.server() for player in lost] == anew
            assert len(set(anew)) > 1 or len(lost) < 3
