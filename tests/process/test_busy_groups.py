"""
A group of workers that has more clients than it can serve just now: they wait, and in
order.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.process.cluster import ask
from tests.process.trouble import troubled

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
OPTIONS = [
    "--policy=route:by=path,/busy*=busy,*=free",
    "--group=busy=1",
    "--group=free=2",
]
GENEROUS = 20.0
BUSY = b"GET /busy HTTP/1.1\r\nHost: a\r\n\r\n"
FREE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Crowd:
    """
    Clients that come in one order and are answered in another.

    @ivar come: How many have come.
    @ivar lost: How many were hung up on.
    """

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._poll = select.epoll()
        self._waiting: dict[int, tuple[socket.socket, int]] = {}
        self.come = 0
        self.lost = 0

    def ask(self) -> None:
        """
        One more client.
        """
        client = socket.socket()
        client.setblocking(False)
        with suppress(BlockingIOError):
            client.connect(self._server)
        self._poll.register(client, select.EPOLLOUT)
        self._waiting[client.fileno()] = client, self.come
        self.come += 1

    def answers(self) -> Iterator[tuple[int, int]]:
        """
        Wait for those who wait, and those who come meanwhile.

        @return: Pairs: who, counted in the order of their coming; and the answer.
        """
        end = time.monotonic() + GENEROUS
        while self._waiting and time.monotonic() < end:
            for fd, event in self._poll.poll(0.1):
                client, number = self._waiting[fd]
                try:
                    if event & select.EPOLLOUT:
                        client.sendall(BUSY)
                        self._poll.modify(fd, select.EPOLLIN)
                        continue
                    said = client.recv(100)
                except OSError:
                    said = b""
                self._leave(fd)
                if said:
                    yield number, int(said)
                else:
                    self.lost += 1

    def _leave(self, fd: int) -> None:
        self._poll.unregister(fd)
        self._waiting.pop(fd)[0].close()

    def close(self) -> int:
        """
        @return: How many wait still, who are to leave.
        """
        late = len(self._waiting)
        for fd in list(self._waiting):
            self._leave(fd)
        self._poll.close()
        return late


def test_crowdForOneGroupWaits(tmp_path: Path) -> None:
    """
    Nobody of 1,500 who come at once is turned away, and the other group's clients do not
    wait for them.
    """
    with troubled(tmp_path, *OPTIONS, app="trouble.count") as (_, port):
        crowd = Crowd(port)
        for _ in range(1500):
            crowd.ask()
        answered = 0
        for _ in crowd.answers():
            answered += 1
            if answered % 100 == 0:
                assert ask(port, FREE)
        late = crowd.close()
        assert (answered, crowd.lost, late) == (1500, 0, 0)


def test_whoWaitsGoesBeforeNewcomers(tmp_path: Path) -> None:
    """
    While 200 clients of one group come again and again, nobody is overtaken by more than
    there are.
    """
    with troubled(tmp_path, *OPTIONS, app="trouble.count") as (_, port):
        crowd = Crowd(port)
        for _ in range(200):
            crowd.ask()
        served = []
        for who, when in crowd.answers():
            served.append((when, who))
            if crowd.come < 1200:
                crowd.ask()
        assert (len(served), crowd.lost, crowd.close()) == (1200, 0, 0)
        order = [who for _, who in sorted(served)]
        # At least so many came later than this one, and were served before.
        overtaken = max(count - who for count, who in enumerate(order))
        assert overtaken <= 200
