"""
What the machine asks for is carried out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, formatEvent

from tests.logged import Logged, logging
from twisted_cluster.core.actions import Start
from twisted_cluster.core.endings import Ending
from twisted_cluster.core.places import Renewal
from twisted_cluster.core.reloading import Plan
from twisted_cluster.core.slots import Slots
from twisted_cluster.core.snapshot import Counted
from twisted_cluster.errors import CommandError
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.lives.reloads import Reloads
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.said import Said, Speaker
from twisted_cluster.primary.lives.supervisor import Supervisor
from twisted_cluster.talk.peer import Ears

DEBUG = LogLevel.debug


class Worker:
    """
    A worker without a process.

    @ivar asked: What it was told to do.
    """

    def __init__(self, start: Start, refuses: Exception | None) -> None:
        self.id = start.id
        self.number = start.slot
        self.name = f"worker {start.slot} (100)"
        self.said = Said(lambda: self.speaker)
        self.peer = SimpleNamespace(ears=Ears(lambda frame: None, lambda error: None))
        page = SimpleNamespace(taken=3, opened=2, closed=1)
        self.hand = SimpleNamespace(page=page, taken=3, isHeld=False)
        self.ending = Ending(3.2, 7)
        self.age = 0.4
        self.speaker = Speaker(start.slot, start.id, start.generation, 100)
        self.asked: list[str] = []
        self.asks: list[Deferred[str]] = []
        self.isOnline = True
        self.state = "ready"
        self._refuses = refuses

    def spawn(self) -> None:
        if self._refuses is not None:
            raise self._refuses
        self.asked.append("spawn")

    def retire(self) -> None:
        self.asked.append("retire")

    def kill(self, why: str) -> None:
        self.asked.append(f"kill: {why}")

    def abort(self, why: str) -> None:
        self.asked.append(f"abort: {why}")

    def leaving(self, planned: bool) -> None:
        self.asked.append("leaving")

    def askStacks(self) -> Deferred[str]:
        self.asks.append(Deferred())
        return self.asks[-1]


class Cluster:
    """
    A supervisor, and what became of what it did.

    @ivar made: All workers, in the order of their making.
    @ivar told: What it has told.
    @ivar refuses: What a spawn raises, if it does.
    """

    def __init__(self, count: int, startTimeout: float = 300.0) -> None:
        self.clock = Clock()
        self.made: list[Worker] = []
        self.told: list[object] = []
        self.refuses: Exception | None = None
        self.supervisor = Supervisor(
            self.clock,
            Slots(startTimeout),
            self._make,
            lambda: self.told.append("complete"),
            self._gaveUp,
            lambda workers: Reloads(self.clock, cast(Rooms, None), workers, lambda: None),
        )
        self.supervisor.start(count)

    def _make(self, start: Start) -> WorkerProcess:
        self.made.append(Worker(start, self.refuses))
        return cast(WorkerProcess, self.made[-1])

    def _gaveUp(self, lastWords: Sequence[str], tries: int) -> None:
        self.told.append(list(lastWords))

    def online(self, worker: Worker) -> None:
        self.supervisor.online(cast(Any, worker))

    def gone(self, worker: Worker) -> None:
        self.supervisor.gone(cast(Any, worker), False)

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.05)):
            self.clock.advance(0.05)
            self.supervisor.tick()


def test_startsAreCarriedOutOneInATurn() -> None:
    """
    The first alone; the others each in a turn of the reactor.
    """
    cluster = Cluster(4)
    cluster.clock.advance(0)
    assert len(cluster.made) == 1
    cluster.online(cluster.made[0])
    assert len(cluster.made) == 2
    assert len(cluster.clock.getDelayedCalls()) == 1
    cluster.clock.advance(0)
    assert [worker.number for worker in cluster.made] == [1, 2, 3, 4]
    assert all(worker.asked == ["spawn"] for worker in cluster.made)


def test_allOnlineIsTold() -> None:
    """
    When the last slot has a worker that is.
    """
    cluster = Cluster(2)
    cluster.online(cluster.made[0])
    assert cluster.told == []
    cluster.online(cluster.made[1])
    assert cluster.told == ["complete"]


def test_givingUpTellsTheLastWords() -> None:
    """
    They are not logged besides.
    """
    cluster = Cluster(1)
    cluster.made[0].said.stray("no such module")
    cluster.gone(cluster.made[0])
    assert cluster.told == [["no such module"]]
    assert list(cluster.made[0].said.tail) == ["no such module"]


@pytest.mark.parametrize(
    ("ended", "expected"), [(3, 3), (125, 125), (126, 1), (0, 1), (None, 1)]
)
def test_theCodeOfWhoCannotStartIsKnown(ended: int | None, expected: int) -> None:
    """
    Where it is one that means something; a shell has its own above 125.
    """
    cluster = Cluster(1)
    cluster.made[0].ending = Ending(3.2, ended, "SIGSEGV" if ended is None else None)
    cluster.gone(cluster.made[0])
    assert cluster.supervisor.remains.code == expected


def test_whoSaysNothingIsToldOf() -> None:
    """
    How it ended is what there is to know.
    """
    cluster = Cluster(1)
    cluster.gone(cluster.made[0])
    words = "twistd cluster: worker 1 (100) exited with 7, and has said nothing"
    assert cluster.told == [[words]]


@pytest.mark.parametrize("said", [[], ["migrating"]])
def test_whyItWasEndedIsToldWithItsLastWords(said: list[str]) -> None:
    """
    It cannot know that itself.
    """
    cluster = Cluster(1)
    worker = cluster.made[0]
    for line in said:
        worker.said.stray(line)
    worker.ending = Ending(3.2, None, "SIGKILL", isKilled=True, why="it hung")
    cluster.gone(worker)
    words = "twistd cluster: worker 1 (100) was killed: it hung"
    assert cluster.told == [[*said, words]]


@pytest.mark.parametrize(
    "refusal", [OSError(2, "no such interpreter"), ValueError("nul")]
)
def test_refusedSpawnsEndABoot(refusal: Exception) -> None:
    """
    What the system, or Python, says is what is told.
    """
    cluster = Cluster(0)
    cluster.refuses = refusal
    cluster.supervisor.start(1)
    assert cluster.told == [[f"twistd cluster: cannot start worker 1: {refusal}"]]
    assert cluster.supervisor.workers == {}


def test_refusedSpawnsAreTriedAgainWhileOthersServe() -> None:
    """
    After a while.
    """
    cluster = Cluster(2)
    cluster.refuses = OSError(11, "no more processes")
    cluster.online(cluster.made[0])
    cluster.advance(1.0)
    tries = len(cluster.made)
    assert 3 <= tries <= 6
    assert cluster.told == []
    cluster.refuses = None
    cluster.advance(2.0)
    assert cluster.made[-1].asked == ["spawn"]
    assert set(cluster.supervisor.workers) == {1, cluster.made[-1].id}


def test_deadWorkersComplaintsAreLogged(logged: Logged) -> None:
    """
    When the cluster goes on.
    """
    cluster = Cluster(2)
    cluster.online(cluster.made[0])
    cluster.made[1].said.stray("it fails")
    cluster.gone(cluster.made[1])
    assert logged.texts()[-2:] == [
        "it fails",
        "worker 2 (100) exited with 7 after 3.2 s; again in 0.1 s",
    ]


def test_failuresThatGoOnAreToldOnce(logged: Logged) -> None:
    """
    Two are told; with the third it is one error, with its reason, until the reason
    changes. Numbers that differ are no other reason. In the end it serves, and that is
    told.
    """
    cluster = Cluster(2)
    cluster.online(cluster.made[0])
    whys = ["pid 1 has it"] * 2 + ["pid 3 has it"] * 4 + ["no such table"] * 2
    for count, why in enumerate(whys):
        cluster.made[-1].said.stray(f"Traceback\n{why}")
        cluster.gone(cluster.made[-1])
        cluster.advance(0.1 * 2**count + 0.1)
    cluster.online(cluster.made[-1])
    cluster.advance(1.1)
    told = [formatEvent(event) for event in logged.events if event["log_level"] > DEBUG]
    assert told[1:] == [
        "Traceback\npid 1 has it",
        "worker 2 (100) exited with 7 after 3.2 s; again in 0.1 s",
        "worker 2 (100) exited with 7 after 3.2 s; again in 0.2 s",
        "1 of 2 workers serves; worker 2 cannot start: pid 3 has it (tried 3 times, "
        "again in 0.4 s)",
        "Traceback\nno such table",
        "1 of 2 workers serves; worker 2 cannot start: no such table (tried 7 times, "
        "again in 6.4 s)",
        "worker 2 (100) serves, after 8 failed starts: 2 of 2 workers serve",
    ]


def test_slowStartsAreKilled(logged: Logged) -> None:
    """
    It is said why, and where they were.
    """
    cluster = Cluster(1, startTimeout=1.0)
    cluster.advance(1.1)
    (ask,) = cluster.made[0].asks
    assert cluster.made[0].asked == ["spawn"]
    ask.callback("its stacks")
    assert cluster.made[0].asked == ["spawn", "abort: it had not started within 1 s"]
    assert logged.texts()[-1] == (
        "worker 1 (100) is ended: it had not started within 1 s:\nits stacks"
    )


def test_startsThatAreSlowAreSaidToBe(logged: Logged) -> None:
    """
    Every ten seconds, with where the application is; or why that is not known.
    """
    cluster = Cluster(1)
    cluster.advance(10.1)
    stack = 'Thread 1 (most recent call first):\n  File "/app/a.py", line 3 in load'
    cluster.made[0].asks.pop().callback(stack)
    cluster.advance(10.0)
    cluster.made[0].asks.pop().errback(CommandError("it is stopped"))
    assert logged.texts()[-2:] == [
        "worker 1 (100) has been starting for 10 s: /app/a.py:3 in load",
        "worker 1 (100) has been starting for 20 s; it is stopped",
    ]


def test_hungWorkerIsEndedAndReplacedAtOnce(logged: Logged) -> None:
    """
    It is told with its stacks, and that counts as an end.
    """
    cluster = Cluster(1)
    worker = cluster.made[0]
    cluster.online(worker)
    cluster.advance(2.0)
    cluster.supervisor.hung(cast(Any, worker), 30.0)
    assert cluster.made[1].number == 1
    worker.asks.pop().callback("its stacks")
    assert worker.asked == ["spawn", "abort: it had shown no life for 30 s"]
    cluster.gone(worker)
    assert len(cluster.made) == 2


def test_endOfASilenceIsToldAfterWhereItWas(logged: Logged) -> None:
    """
    To ask takes a moment.
    """
    cluster = Cluster(1)
    worker = cluster.made[0]
    cluster.online(worker)
    cluster.supervisor.silent(cast(Any, worker), 1.04)
    cluster.supervisor.awake(cast(Any, worker), 1.1)
    worker.asks.pop().callback("its stacks")
    cluster.supervisor.awake(cast(Any, worker), 1.1)
    again = "worker 1 (100) shows life again, after 1.1 s"
    silent = "worker 1 (100) has shown no life for 1.0 s:\nits stacks"
    assert logged.texts()[-3:] == [silent, again, again]


def test_deafWorkerIsReplacedAndThenRetired(logged: Logged) -> None:
    """
    It is said why, with its stacks.
    """
    cluster = Cluster(1)
    worker = cluster.made[0]
    cluster.online(worker)
    cluster.supervisor.deaf(cast(Any, worker), 5.0)
    assert cluster.made[1].number == 1
    assert worker.asked == ["spawn"]
    worker.asks.pop().callback("its stacks")
    assert logged.texts()[-1] == (
        "worker 1 (100) has taken nothing of what waits for it for 5 s: it is replaced:"
        "\nits stacks"
    )
    cluster.online(cluster.made[1])
    assert worker.asked == ["spawn", "retire"]


def test_stopFiresWhenAllAreGone() -> None:
    """
    For everybody who has asked for it.
    """
    cluster = Cluster(2)
    cluster.online(cluster.made[0])
    stopped = [cluster.supervisor.stop(), cluster.supervisor.stop()]
    assert [worker.asked for worker in cluster.made] == [["spawn", "retire"]] * 2
    cluster.gone(cluster.made[0])
    assert not any(each.called for each in stopped)
    cluster.gone(cluster.made[1])
    assert all(each.called for each in stopped)
    cluster.advance(60.0)
    assert len(cluster.made) == 2


def test_whatIsDoneLeadsToMoreAfterIt(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Who is told that a reload is superseded may stop the cluster: nobody is told to end
    before it has been started, and the stop has an end.
    """
    cluster = Cluster(1)
    supervisor = cluster.supervisor
    cluster.online(cluster.made[0])
    monkeypatch.setattr(supervisor.reloads, "take", lambda action: supervisor.stop())
    supervisor.reload(Plan(2))
    stopped = supervisor.stop()
    for worker in list(cluster.made):
        assert worker.asked == ["spawn", "retire"]
        cluster.gone(worker)
    assert stopped.called


def test_whoLeavesDoesNotStay() -> None:
    """
    Whoever waits for its end is told of that, and of nothing else, whatever becomes of
    its successor meanwhile.
    """
    cluster = Cluster(1)
    old = cluster.made[0]
    cluster.online(old)
    cluster.advance(2.0)
    done = cluster.supervisor.drain(old.id, Renewal("it is drained"))
    cluster.online(cluster.made[1])
    assert old.asked == ["spawn", "retire"]
    cluster.gone(cluster.made[1])
    assert not done.called
    cluster.gone(old)
    assert done.called


def test_whoIsGoneBeforeItsSpawnReturnsIsGone(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Twisted tells of a child that has ended already within spawnProcess.
    """
    cluster = Cluster(1)
    cluster.online(cluster.made[0])

    def spawn(worker: Worker) -> None:
        # What is raised there goes no further than the log.
        with suppress(Exception):
            cluster.gone(worker)

    monkeypatch.setattr(Worker, "spawn", spawn)
    cluster.gone(cluster.made[0])
    monkeypatch.undo()
    assert [worker.number for worker in cluster.made] == [1, 1]
    cluster.advance(0.2)
    assert list(cluster.supervisor.workers) == [3]
    stopped = cluster.supervisor.stop()
    cluster.gone(cluster.made[2])
    assert stopped.called


def test_theDeadAreCounted() -> None:
    """
    And what they had counted.
    """
    cluster = Cluster(2)
    cluster.online(cluster.made[0])
    cluster.refuses = OSError(11, "no more processes")
    cluster.gone(cluster.made[1])
    cluster.advance(0.2)
    assert cluster.supervisor.remains.counted == Counted(2, 1, 1, 3, 2, 1)


def test_whoWasToldToEndByOthersIsReplacedAtOnce() -> None:
    """
    Somebody's SIGTERM is no failed start.
    """
    cluster = Cluster(1)
    cluster.made[0].ending = Ending(3.2, 7, isTold=True)
    cluster.gone(cluster.made[0])
    assert cluster.told == []
    assert len(cluster.made) == 2


def test_whoClosesItsChannelAndLivesOnIsReplaced(logged: Logged) -> None:
    """
    It is said, with its name.
    """
    cluster = Cluster(1)
    cluster.online(cluster.made[0])
    cluster.advance(2.0)
    cluster.supervisor.disconnected(cast(Any, cluster.made[0]))
    cluster.advance(1.1)
    assert [worker.number for worker in cluster.made] == [1, 1]
    assert logged.texts()[1:] == [
        "worker 1 (100) says nothing more, and lives on for 1 s: it is replaced"
    ]


def test_whatCannotBeDoneHoldsUpNothingElse() -> None:
    """
    Such as the end of one that is another user's; the other one is told to end as well.
    """
    cluster = Cluster(2)
    cluster.online(cluster.made[0])
    cluster.clock.advance(0)

    def refuse() -> None:
        raise PermissionError("not ours")

    cluster.made[0].retire = refuse  # type: ignore[method-assign]
    with logging() as logged:
        cluster.supervisor.stop()
    assert logged.texts() == ["cannot do what is to be done: Retire(id=1, why='')"]
    assert cluster.made[1].asked[-1] == "retire"


def test_whatCannotBeToldIsDone() -> None:
    """
    A slot is filled again though its worker's end cannot be told.
    """
    cluster = Cluster(1)
    cluster.online(cluster.made[0])
    cluster.advance(2.0)
    cluster.made[0].said.forget = None  # type: ignore[assignment, method-assign]
    cluster.made[0].said.release = None  # type: ignore[assignment, method-assign]
    with pytest.raises(TypeError):
        cluster.gone(cluster.made[0])
    assert len(cluster.made) == 2
