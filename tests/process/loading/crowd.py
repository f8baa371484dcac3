"""
All clients of a load, in one thread.
"""

from __future__ import annotations

import heapq
import random
import select
import time

from attrs import frozen

from tests.process.loading.client import Client
from tests.process.loading.outcome import FAILURES, Noted, Outcome

# A refused client comes back after this, and not at once, however little it thinks.
PAUSE = 0.05
LOOK = 0.1


@frozen
class Plan:
    """
    A load.

    @ivar address: Where the server is.
    @ivar closing: How many clients connect for each request.
    @ivar keeping: How many keep their connections.
    @ivar thought: Seconds between an answer and the client's next request, on average.
    @ivar patience: After how many seconds a request hangs.
    @ivar seed: The same seed, the same pauses.
    """

    address: tuple[str, int]
    closing: int = 16
    keeping: int = 16
    thought: float = 0.02
    patience: float = 10.0
    seed: int = 1


class Crowd:
    """
    @ivar outcome: What became of the requests so far.
    @ivar lastServed: When each process served last; C{time.monotonic}.
    """

    def __init__(self, plan: Plan) -> None:
        self.outcome = Outcome()
        self.lastServed: dict[int, float] = {}
        self._plan = plan
        self._random = random.Random(plan.seed)
        self._poll = select.epoll()
        self._watched: dict[int, Client] = {}
        kinds = [False] * plan.closing + [True] * plan.keeping
        self._clients = [Client(self, plan.address, each) for each in kinds]
        self._due: list[tuple[float, int]] = []
        self._numbers = {client: i for i, client in enumerate(self._clients)}
        self._isEnding = False
        self._looked = 0.0
        for client in self._clients:
            self._later(client)

    def _later(self, client: Client, least: float = 0.0) -> None:
        pause = max(least, self._random.expovariate(1 / self._plan.thought))
        due = time.monotonic() + pause
        heapq.heappush(self._due, (due, self._numbers[client]))

    def watch(self, fd: int, client: Client, events: int) -> None:
        if fd in self._watched:
            self._poll.modify(fd, events)
        else:
            self._watched[fd] = client
            self._poll.register(fd, events)

    def forget(self, fd: int) -> None:
        del self._watched[fd]
        self._poll.unregister(fd)

    def ended(self, client: Client, noted: Noted, pid: int = 0) -> None:
        self.outcome.note(noted, pid)
        if pid:
            self.lastServed[pid] = noted.ended
        if not self._isEnding:
            self._later(client, PAUSE if noted.what in FAILURES else 0.0)

    def retried(self) -> None:
        self.outcome.retried += 1

    def leftIdle(self, isInOrder: bool) -> None:
        if isInOrder:
            self.outcome.leftIdle += 1
        else:
            self.outcome.resetIdle += 1

    def turn(self, longest: float) -> None:
        """
        Do what there is to do, or wait for it.

        @param longest: How many seconds, at most.
        """
        now = time.monotonic()
        if not self._isEnding:
            while self._due and self._due[0][0] <= now:
                self._clients[heapq.heappop(self._due)[1]].ask()
            if self._due:
                longest = max(0.0, min(longest, self._due[0][0] - time.monotonic()))
        for fd, events in self._poll.poll(longest):
            # Who was before it in the list may have taken it away.
            client = self._watched.get(fd)
            if client is not None:
                client.happened(events)
        self._look()

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._looked + LOOK:
            return
        self._looked = now
        for client in self._clients:
            client.look(now, self._plan.patience)

    def finish(self) -> None:
        """
        Ask no more, wait for the last answers, and leave.
        """
        self._isEnding = True
        while any(client.begun is not None for client in self._clients):
            self.turn(0.05)
        for client in self._clients:
            client.close()
        self._poll.close()
