"""
What makes programs choose whoever never comes, for real: no count of it stays.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from attrs import define

from tests.steering.groups import Listening, listening
from tests.steering.raw import deafPort, maySend, sendSYNs
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.primary.ports.steered import CannotSteerError, Served
from twisted_cluster.primary.ports.steered_extended import ExtendedSteering
from twisted_cluster.steering.places import Place
from twisted_cluster.steering.reckoning import ON_ITS_WAY
from twisted_cluster.wire.backlog import backlogOf

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such programs"),
    pytest.mark.skipif(not maySend(), reason="needs CAP_NET_RAW"),
]
COUNT = 3
TICK = 0.05
BACKLOG = 64


@define
class Watched:
    """
    A group whose counts are reckoned, in a time of its own.
    """

    group: Listening
    steering: ExtendedSteering
    accepted: dict[int, int]
    now: float = 0.0

    def reckon(self, active: int = 0) -> None:
        """
        @param active: What the first worker serves.
        """
        self.now += TICK
        served = {
            index: Served(active if index == 0 else 0, accepted)
            for index, accepted in self.accepted.items()
        }
        self.steering.reckon(served, self.now)

    def wait(self, active: int = 0) -> None:
        """
        Until whoever could come has come.
        """
        for _ in range(int(ON_ITS_WAY / TICK) + 2):
            self.reckon(active)

    def only(self, *indices: int) -> None:
        """
        Have these be chosen.
        """
        self.steering.allow([Place(index) for index in indices])

    def take(self) -> None:
        """
        Accept all who wait, and count that.
        """
        for index in self.group.taken():
            self.accepted[index] += 1

    def assertIsTrue(self) -> None:
        """
        What the program has in its mind is what there is.
        """
        self.take()
        self.wait(active=7)
        loads = [self.steering.loadOf(index) for index in range(COUNT)]
        assert loads == [7, 0, 0]

    def assertChoosesSo(self) -> None:
        """
        While the first has so many to do, others get as many, before it gets any.
        """
        with ExitStack() as stack:
            for _ in range(14):
                stack.enter_context(self.group.connect())
            assert [backlogOf(member) for member in self.group.sockets] == [0, 7, 7]


@pytest.fixture
def watched() -> Iterator[Watched]:
    with listening(COUNT + 1, backlog=BACKLOG) as group:
        anchor = group.sockets.pop(0)
        try:
            steering = ExtendedSteering(LeastConnections(), anchor)
        except CannotSteerError:
            pytest.skip("needs CAP_BPF")
        for index, member in enumerate(group.sockets):
            steering.add(index, member)
        steering.allow([Place(index) for index in range(COUNT)])
        watched = Watched(group, steering, dict.fromkeys(range(COUNT), 0))
        watched.reckon()
        yield watched
        steering.close()
        anchor.close()


def test_floodsLeaveNothing(watched: Watched) -> None:
    """
    Those who are forged, and never answer, are forgotten. What is sent again is no other
    one.
    """
    watched.only(1)
    with deafPort() as port:
        for _ in range(2):
            sendSYNs(watched.group.address, range(30), port)
            watched.reckon()
            assert watched.steering.loadOf(1) == 30
    watched.only(*range(COUNT))
    watched.assertIsTrue()
    watched.assertChoosesSo()


def test_cookiesLeaveNothing(watched: Watched) -> None:
    """
    There may be so many that the kernel keeps no memory of them. Real clients come by SYN
    cookies then: when they answer it asks again, and some go to another than was counted.
    """
    with deafPort() as port, ExitStack() as stack:
        sendSYNs(watched.group.address, range(1000), port)
        for _ in range(30):
            stack.enter_context(watched.group.connect())
        watched.reckon()
        watched.assertIsTrue()


def test_abortedHandshakesLeaveNothing(watched: Watched) -> None:
    """
    Nor do those who say that they have not begun anything.
    """
    with socket.create_server(("0.0.0.0", 0)) as closed:
        port = closed.getsockname()[1]
    watched.only(1)
    sendSYNs(watched.group.address, range(100), port)
    watched.reckon()
    watched.only(*range(COUNT))
    watched.assertIsTrue()
    watched.assertChoosesSo()


def test_whoIsDroppedAndComesAgainLeavesNothing(watched: Watched) -> None:
    """
    A backlog that is full makes clients come again and again.
    """
    watched.only(1)
    with ExitStack() as stack:
        for _ in range(BACKLOG + 1):
            stack.enter_context(watched.group.connect())
        with deafPort() as port:
            for _ in range(5):
                sendSYNs(watched.group.address, range(50), port)
        watched.reckon()
        watched.only(*range(COUNT))
        watched.assertIsTrue()


TAKE = """
import os, socket, time
listening = socket.socket(fileno=int(os.environ["LISTENING"]))
for _ in range(3):
    listening.accept()
print("taken", flush=True)
time.sleep(60)
"""


def test_crashesLeaveNothing(watched: Watched) -> None:
    """
    A worker that dies with connections of which it has not said anything.
    """
    watched.only(1)
    member = watched.group.sockets[1]
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(watched.group.connect())
        watched.reckon()
        member.setblocking(True)
        with subprocess.Popen(
            [sys.executable, "-c", TAKE],
            env={**os.environ, "LISTENING": str(member.fileno())},
            pass_fds=[member.fileno()],
            stdout=subprocess.PIPE,
        ) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"taken\n"
            worker.send_signal(signal.SIGKILL)
        member.setblocking(False)
        watched.reckon()
        watched.only(*range(COUNT))
        watched.assertIsTrue()
