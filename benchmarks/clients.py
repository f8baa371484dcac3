"""
Clients that ask one question per connection, from many addresses, and remember who
answered: one after another, in bursts, or at random times whatever the answers take.
"""

from __future__ import annotations

import gc
import os
import random
import select
import socket
import statistics
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from contestants.holder import IP_BIND_ADDRESS_NO_PORT
from machine import machineSeconds
from servers import Server

ADDRESSES = [f"127.0.{net}.{host}" for net in range(1, 5) for host in range(1, 251)]
HOSTS = ("one.test", "two.test")
PATIENCE = 10.0
QUESTION = (
    "GET /?sid=%(sid)d&block=%(block)d HTTP/1.1\r\nHost: %(host)s\r\n"
    "Cookie: theme=dark; sid=%(sid)d\r\nX-Session: %(sid)d\r\nConnection: close\r\n\r\n"
)


@dataclass(slots=True)
class Visit:
    """
    One connection.

    @ivar block: For how many milliseconds the worker was asked to stand still.
    @ivar begun: When the client connected; C{time.monotonic}.
    @ivar ended: When the answer came; infinite if none did.
    @ivar worker: The process that answered; 0 if none did.
    """

    block: int
    begun: float
    ended: float = float("inf")
    worker: int = 0

    @property
    def latency(self) -> float:
        """
        Seconds from the connection's begin to the answer.
        """
        return self.ended - self.begun


class Crowd:
    """
    Any number of clients in one thread.

    @ivar visits: Every connection so far, in the order in which they began.
    @ivar lost: How many were hung up on before they had an answer.
    """

    def __init__(self, port: int, seed: int = 1, hosts: Sequence[str] = HOSTS) -> None:
        """
        @param hosts: What they ask for.
        """
        self._hosts = hosts
        self.lost = 0
        self._server = ("127.0.0.1", port)
        self._random = random.Random(seed)
        self._poll = select.epoll()
        self._waiting: dict[int, tuple[socket.socket, Visit, bytes]] = {}
        self.visits: list[Visit] = []

    @property
    def waiting(self) -> int:
        """
        How many have no answer yet.
        """
        return len(self._waiting)

    def ask(self, block: int = 0) -> None:
        """
        Open one more connection, from any of L{ADDRESSES}.
        """
        sid = self._random.randrange(len(ADDRESSES))
        host = self._hosts[sid % len(self._hosts)]
        question = QUESTION % {"sid": sid, "host": host, "block": block}
        client = socket.socket()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        client.bind((ADDRESSES[sid], 0))
        visit = Visit(block, time.monotonic())
        self.visits.append(visit)
        client.connect_ex(self._server)
        self._waiting[client.fileno()] = client, visit, question.encode()
        self._poll.register(client.fileno(), select.EPOLLOUT)

    def turn(self, timeout: float) -> None:
        """
        Do what there is to do, or wait for it so many seconds, at least 0.
        """
        for fd, event in self._poll.poll(timeout):
            try:
                self._go(fd, event)
            except OSError:
                self._hangUp(fd)

    def _go(self, fd: int, event: int) -> None:
        client, visit, question = self._waiting[fd]
        if event & select.EPOLLOUT:
            client.send(question)
            self._poll.modify(fd, select.EPOLLIN)
            return
        answer = client.recv(4096)
        if answer:
            visit.ended = time.monotonic()
            with suppress(ValueError):
                visit.worker = int(answer.split()[-1])
        else:
            self._hangUp(fd)

    def _hangUp(self, fd: int) -> None:
        self.lost += not self._waiting[fd][1].worker
        self._leave(fd)

    def _leave(self, fd: int) -> None:
        self._poll.unregister(fd)
        self._waiting.pop(fd)[0].close()

    def finish(self) -> None:
        """
        Wait for who still waits, L{PATIENCE} at most, then leave.
        """
        deadline = time.monotonic() + PATIENCE
        while self._waiting and time.monotonic() < deadline:
            self.turn(0.1)
        for fd in list(self._waiting):
            self._leave(fd)
        self._poll.close()


# How they come


def sequential(crowd: Crowd, seconds: float) -> None:
    """
    One at a time, each as soon as the one before has left.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        crowd.ask()
        while crowd.waiting and time.monotonic() < end + PATIENCE:
            crowd.turn(0.1)


def bursts(crowd: Crowd, seconds: float, size: int = 64, pause: float = 0.02) -> None:
    """
    Many at once; the next ones as soon as all have left, and a pause is over.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(size):
            crowd.ask()
        while crowd.waiting and time.monotonic() < end + PATIENCE:
            crowd.turn(0.1)
        time.sleep(pause)


def gaps(seed: int, mean: float) -> Iterator[float]:
    """
    @return: Seconds between the events of a Poisson process.
    """
    source = random.Random(seed)
    while True:
        yield source.expovariate(1 / mean)


def paced(
    crowd: Crowd,
    seconds: float,
    rate: float,
    seed: int = 1,
    block: Callable[[], int] = lambda: 0,
    meanwhile: Callable[[float], None] = lambda now: None,
) -> None:
    """
    At random times, independent of the answers.

    @param rate: How many per second, on average.
    @param seed: The same seed, the same times.
    @param block: Says of each for how many milliseconds it stops its worker.
    @param meanwhile: Called again and again with the time.
    """
    now = time.monotonic()
    end = now + seconds
    between = gaps(seed, 1 / rate)
    due = now + next(between)
    while now < end:
        while due <= now:
            crowd.ask(block())
            due += next(between)
        meanwhile(now)
        crowd.turn(max(0.0, min(due - time.monotonic(), 0.01)))
        now = time.monotonic()


# What it was like


@dataclass(frozen=True)
class Costs:
    """
    CPU seconds of a run.

    @ivar primary: Of the processes that only hand over; None: there are none.
    @ivar others: Share of the machine that other programs had meanwhile, 0 to 1.
    """

    primary: float | None
    workers: float
    others: float


class Meter:
    """
    Measures from when it is made.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._before = self._now()

    def _now(self) -> Sequence[float]:
        clocks = time.monotonic(), time.process_time(), machineSeconds()
        return (*self._server.cpu(), *clocks)

    def read(self) -> Costs:
        """
        @return: What was spent so far.
        """
        primary, workers, seconds, mine, machine = (
            now - then for now, then in zip(self._now(), self._before)
        )
        rest = max(0.0, machine - mine - primary - workers)
        others = rest / seconds / (os.cpu_count() or 1)
        return Costs(primary if self._server.primaries else None, workers, others)


@contextmanager
def undisturbed() -> Iterator[None]:
    """
    No garbage collection meanwhile.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def visitsOf(
    server: Server, come: Callable[[Crowd], None], seed: int = 1
) -> tuple[list[Visit], Costs]:
    """
    Let clients come to a server, and wait until all have left.
    """
    crowd = Crowd(server.port, seed)
    with undisturbed():
        meter = Meter(server)
        come(crowd)
        crowd.finish()
        costs = meter.read()
    return crowd.visits, costs


def percentile(latencies: Collection[float], percent: float) -> float:
    """
    @return: The smallest latency that so many percent do not exceed.
    """
    ordered = sorted(latencies)
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def shares(visits: Sequence[Visit], workers: Sequence[int]) -> list[float]:
    """
    @return: Which part each worker served, 0 to 1, in the order of C{workers}.
    """
    served = Counter(visit.worker for visit in visits)
    total = sum(served[worker] for worker in workers) or 1
    return [served[worker] / total for worker in workers]


def variation(parts: Sequence[float]) -> float:
    """
    @return: The coefficient of variation: 0 if all are equal.
    """
    mean = statistics.fmean(parts)
    return statistics.pstdev(parts) / mean if mean else 0.0
