"""
Counts that never drift.
"""

from __future__ import annotations

from attrs import define
from hypothesis import given, settings
from hypothesis.strategies import integers as numbers
from hypothesis.strategies import lists, sampled_from, tuples

from twisted_cluster.steering.reckoning import ON_ITS_WAY, Reckoning, Seen

TICK = 0.05
EVENTS = (
    "chosen",
    "comes",
    "comes unchosen",
    "accepted",
    "accepted uncounted",
    "closed",
    "life ends",
)


@define
class Socket:
    """
    One, with all that can happen to it.
    """

    chosen: int = 0
    waiting: int = 0
    accepted: int = 0
    active: int = 0

    def happen(self, event: str, times: int) -> None:
        if event == "chosen":
            self.chosen += times
        elif event.startswith("comes"):
            self.waiting += times
            self.chosen += times * (event == "comes")
        elif event.startswith("accepted"):
            taken = min(times, self.waiting)
            self.waiting -= taken
            if event == "accepted":
                self.accepted += taken
                self.active += taken
        elif event == "closed":
            self.active -= min(times, self.active)
        else:
            self.active = 0

    @property
    def seen(self) -> Seen:
        return Seen(self.active, self.accepted, self.waiting, self.chosen)


def test_whoIsOnItsWayCounts() -> None:
    """
    As long as nothing is lost, whoever was chosen counts, from then to the end.
    """
    reckoning = Reckoning()
    assert reckoning.load(Seen(0, 0, 0, 0), 0) == 0
    assert reckoning.load(Seen(0, 0, 0, 5), 1) == 5
    assert reckoning.load(Seen(0, 0, 3, 5), 1.1) == 5
    assert reckoning.load(Seen(3, 3, 1, 5), 1.2) == 5
    assert reckoning.load(Seen(2, 5, 0, 5), 1.3) == 2
    assert reckoning.lost == 0


def test_whoNeverComesIsForgotten() -> None:
    """
    A flood counts for as long as its clients could still come; then it is as if it had
    not been.
    """
    reckoning = Reckoning()
    reckoning.load(Seen(0, 0, 0, 0), 0)
    assert reckoning.load(Seen(0, 0, 0, 1000), 0.1) == 1000
    assert reckoning.load(Seen(1, 1, 0, 1001), 1.0) == 1001
    assert reckoning.load(Seen(1, 1, 0, 1001), 0.1 + ON_ITS_WAY) == 2
    assert reckoning.load(Seen(1, 1, 0, 1001), 1.0 + ON_ITS_WAY) == 1


def test_whoWasNotChosenHidesNobody() -> None:
    """
    Who comes without having been chosen, as with SYN cookies, makes no room for others.
    """
    reckoning = Reckoning()
    assert reckoning.load(Seen(7, 7, 1, 0), 0) == 8
    assert reckoning.load(Seen(7, 8, 0, 2), 0.1) == 9


@settings(deadline=None)
@given(lists(tuples(sampled_from(EVENTS), numbers(0, 50)), max_size=60))
def test_inTheEndTheTruthIsTold(events: list[tuple[str, int]]) -> None:
    """
    Whatever has happened, the load is never less than what can be seen, and when nobody
    has been chosen for a while it is just that.
    """
    socket, reckoning, now = Socket(), Reckoning(), 0.0
    for event, times in events:
        socket.happen(event, times)
        load = reckoning.load(socket.seen, now)
        seen = socket.active + socket.waiting
        assert seen <= load <= seen + socket.chosen
        now += TICK
    for _ in range(int(ON_ITS_WAY / TICK) + 2):
        load = reckoning.load(socket.seen, now)
        now += TICK
    assert load == socket.active + socket.waiting


@settings(deadline=None)
@given(numbers(1, 100), numbers(0, 1000), numbers(1, 6))
def test_aSteadyFloodIsBounded(real: int, forged: int, delay: int) -> None:
    """
    While a flood goes on, what counts too much is what came in the time that clients
    have.
    """
    socket, reckoning, now, pending = Socket(), Reckoning(), 0.0, [0] * delay
    turns = int(ON_ITS_WAY / TICK) + 1
    for _ in range(200):
        socket.happen("chosen", real + forged)
        pending.append(real)
        socket.waiting += pending.pop(0)
        socket.happen("accepted", 1000)
        load = reckoning.load(socket.seen, now)
        socket.happen("closed", 1000)
        now += TICK
        assert load <= (real + forged) * (turns + 1) + real
    if not forged:
        # Who comes later than at once is on its way meanwhile.
        assert load == real * (delay + 1)
