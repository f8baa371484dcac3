"""
A reload, slot by slot.
"""

from __future__ import annotations

import pytest

from tests.core.primaries import Primary, running
from twisted_cluster.core.actions import (
    Abort,
    Action,
    Again,
    Complete,
    Ended,
    GoBack,
    Judge,
    NotReloaded,
    Offer,
    Progress,
    Reloaded,
    Retire,
    Start,
)
from twisted_cluster.core.places import Renewal
from twisted_cluster.core.reloading import Plan
from twisted_cluster.core.rules import Portion

RELOAD = "a reload"
UNDONE = "its reload was given up"


def reloading(count: int, plan: Plan) -> tuple[Primary, list[Action]]:
    """
    A primary whose workers serve, and what it is asked to do for a reload.
    """
    primary = running(count)
    return primary, primary.take(primary.slots.reload(primary.now, plan))


def test_oneAfterTheOther() -> None:
    """
    Each is ready before the one before it leaves, and gone from its slot before the next
    is started.
    """
    primary, begun = reloading(2, Plan(2))
    assert begun == [Offer(2, 0.0), Start(3, 1, 2)]
    assert primary.after(3.0) == []
    assert primary.ready(3) == [Offer(2, None), Retire(1, RELOAD), Complete()]
    assert primary.after(0.05) == [Start(4, 2, 2)]
    assert primary.ready(4) == [Retire(2, RELOAD), Complete()]
    assert primary.after(0.05) == [Offer(2, None), Reloaded(2), Complete()]
    assert primary.slots.generation == 2
    assert primary.after(5.0) == []


def test_theFirstIsOnTrial() -> None:
    """
    It stays beside the one before it for a while; the others need only be ready.
    """
    primary, _ = reloading(2, Plan(2, trial=5.0))
    assert primary.ready(3) == [Complete()]
    assert primary.after(4.9) == []
    assert primary.after(0.15)[:2] == [Offer(2, None), Retire(1, RELOAD)]
    primary.after(0.05)
    assert primary.ready(4)[0] == Retire(2, RELOAD)


@pytest.mark.parametrize(("step", "atATime"), [("2", 2), ("50%", 3), ("100%", 5)])
def test_soManyAtATime(step: str, atATime: int) -> None:
    """
    When the first is good, as many slots are renewed at a time as is said.
    """
    primary, _ = reloading(6, Plan(2, Portion.parse(step)))
    primary.ready(7)
    primary.after(1.0)
    assert len(primary.started()) == 7 + atATime
    primary.ready(8)
    primary.after(1.0)
    assert len(primary.started()) == 7 + min(5, atATime + 1)


def test_whatFailsFirstChangesNothing() -> None:
    """
    The old worker was there all the time.
    """
    primary, _ = reloading(2, Plan(2))
    assert primary.exit(3) == [
        Offer(2, None),
        GoBack(3, ""),
        Offer(2, None),
        NotReloaded(2, ""),
        Complete(),
    ]
    assert primary.after(60.0) == []
    assert primary.slots.generation == 1


def test_aStartThatHangsFails() -> None:
    """
    It is killed when its time is over.
    """
    primary = running(1)
    primary.slots.startTimeout = 4.0
    primary.take(primary.slots.reload(primary.now, Plan(2)))
    assert primary.after(5.0) == [Abort(2, "it had not started within 4 s")]
    assert GoBack(2, "") in primary.exit(2)


def test_deathInTheTrialLosesNothing() -> None:
    """
    Its predecessor is there still.
    """
    primary, _ = reloading(2, Plan(2, trial=5.0))
    primary.ready(3)
    primary.after(3.0)
    assert NotReloaded(2, "") in primary.exit(3)
    assert sorted(primary.alive.values()) == [1, 2]


def test_whatFailsLaterIsUndone() -> None:
    """
    Slots whose old worker has left have one of before again, before the new one leaves.
    """
    primary, _ = reloading(3, Plan(2))
    primary.ready(4)
    primary.exit(1)
    primary.after(0.05)
    assert primary.exit(5) == [Offer(2, None), GoBack(5, ""), Start(6, 1, 1)]
    assert primary.after(5.0) == []
    assert primary.ready(6) == [Retire(4, UNDONE), Complete()]
    assert primary.after(0.05) == [Offer(2, None), NotReloaded(2, ""), Complete()]
    assert primary.slots.generation == 1


def test_newOnesThatStartAreNotWaitedFor() -> None:
    """
    With several at a time, one that fails ends the others.
    """
    primary, _ = reloading(3, Plan(2, Portion(2)))
    primary.ready(4)
    primary.after(0.1)
    assert primary.exit(5)[:3] == [
        Offer(2, None),
        GoBack(5, ""),
        Retire(6, UNDONE),
    ]


def test_whoCannotBeReplacedStays() -> None:
    """
    If the old ones cannot start either, the new one serves on, and that is said.
    """
    primary, _ = reloading(2, Plan(2))
    primary.ready(3)
    primary.exit(1)
    primary.after(0.05)
    primary.exit(4)
    for id in (5, 6, 7):
        assert isinstance(primary.exit(id)[0], Again)
        primary.after(1.0)
    over = [one for one in primary.log if isinstance(one, NotReloaded)]
    assert over == [
        NotReloaded(2, "", "1 new worker cannot be replaced, and serves on"),
    ]
    assert primary.alive[3] == 1


def test_whoIsUnfitIsGivenAWhile() -> None:
    """
    Nobody leaves for one that lacks something; when its trial is over it has failed.
    """
    primary, _ = reloading(1, Plan(2, trial=5.0))
    primary.slots.unfit(2, "it does not listen on tcp:80")
    primary.ready(2)
    assert primary.after(4.9) == []
    assert primary.after(0.15) == [
        Offer(2, None),
        GoBack(2, "it does not listen on tcp:80"),
        Retire(2, UNDONE),
    ]


def test_whoBecomesFitIsGood() -> None:
    """
    As one that listens a little later.
    """
    primary, _ = reloading(1, Plan(2))
    primary.slots.unfit(2, "it does not listen on tcp:80")
    primary.ready(2)
    assert primary.after(0.5) == []
    primary.slots.unfit(2, "")
    assert Retire(1, RELOAD) in primary.after(0.05)


def test_oldOnesHealAsTheyWere() -> None:
    """
    A slot whose turn has not come has workers of before.
    """
    primary, _ = reloading(2, Plan(2, trial=5.0))
    assert primary.exit(2) == [Start(4, 2, 1)]


def test_oldOneThatDiesIsNotMissed() -> None:
    """
    Its successor is on its way.
    """
    primary, _ = reloading(2, Plan(2, trial=5.0))
    assert primary.exit(1) == []
    primary.ready(3)
    assert Offer(2, None) in primary.after(5.1)


def test_aLaterReloadSupersedes() -> None:
    """
    What is half done is not waited for; if that fails as well all are as at first.
    """
    primary, _ = reloading(2, Plan(2))
    primary.ready(3)
    primary.exit(1)
    primary.after(0.05)
    assert primary.take(primary.slots.reload(primary.now, Plan(3))) == [
        Retire(4, UNDONE),
        Offer(2, None),
        NotReloaded(2, "superseded by a later reload"),
        Offer(3, 0.0),
        Start(5, 1, 3),
    ]
    assert primary.exit(5)[1:] == [GoBack(5, ""), Start(6, 1, 1)]
    primary.ready(6)
    assert primary.after(0.05)[1] == NotReloaded(3, "")
    assert sorted(primary.alive) == [2, 3, 4, 6]


def test_theLaterIsDone() -> None:
    """
    In all slots.
    """
    primary, _ = reloading(2, Plan(2))
    primary.ready(3)
    primary.exit(1)
    primary.after(0.05)
    primary.take(primary.slots.reload(primary.now, Plan(3)))
    for id in (5, 6):
        primary.ready(id)
        primary.after(0.1)
    assert Reloaded(3) in primary.log
    assert primary.slots.generation == 3


def test_stopEndsIt() -> None:
    """
    Who waits for it is told.
    """
    primary, _ = reloading(1, Plan(2))
    primary.slots.halt()
    assert NotReloaded(2, "the cluster stops") in primary.slots.stop(primary.now)
    primary.exit(1)
    assert primary.exit(2) == [Ended()]


def test_moreWorkersMeanwhile() -> None:
    """
    They are renewed as well.
    """
    primary, _ = reloading(1, Plan(2, trial=5.0))
    primary.take(primary.slots.want(primary.now, 2))
    primary.ready(2, 3)
    primary.after(5.1)
    assert primary.ready(4) == [Retire(3, RELOAD), Complete()]
    assert Reloaded(2) in primary.after(0.1)


def test_reloadOfWhatCannotStart() -> None:
    """
    Slots that wait for another try have it at once, with the new.
    """
    primary = running(1)
    for id in (1, 2, 3, 4):
        primary.exit(id)
        primary.after(2.1)
    primary.exit(5)
    assert primary.take(primary.slots.reload(primary.now, Plan(2))) == [
        Offer(2, 0.0),
        Start(6, 1, 2),
    ]
    primary.ready(6)
    assert Reloaded(2) in primary.after(0.1)


# Canary


def canary(count: int, share: str) -> Primary:
    """
    New workers that have stood their trial.
    """
    plan = Plan(2, trial=1.0, canary=Portion.parse(share), seconds=30.0)
    primary, _ = reloading(count, plan)
    primary.after(1.0)
    primary.ready(*(id for id in primary.alive if id > count))
    primary.after(1.05)
    return primary


@pytest.mark.parametrize(
    ("share", "workers", "part"), [("10%", 1, 0.1), ("50%", 2, 0.5), ("1", 1, 0.25)]
)
def test_canaryHasItsShare(share: str, workers: int, part: float) -> None:
    """
    Exactly that share of connections, beside all workers of before.
    """
    primary = canary(4, share)
    assert len(primary.alive) == 4 + workers
    assert primary.log[-2:] == [
        Offer(2, part),
        Progress(f"canary: {part:.0%} of the connections for 30 s"),
    ]


def test_canaryIsJudgedAndPromoted() -> None:
    """
    When its time is over.
    """
    primary = canary(2, "10%")
    assert primary.after(29.8) == []
    assert primary.after(0.2) == [Judge(2)]
    assert primary.after(5.0) == []
    assert primary.take(primary.slots.judged(primary.now, "")) == [
        Offer(2, None),
        Retire(1, RELOAD),
    ]
    assert primary.after(0.05) == [Start(4, 2, 2)]


def test_canaryIsJudgedAndGoes() -> None:
    """
    With the reason.
    """
    primary = canary(2, "10%")
    primary.after(30.0)
    assert primary.take(primary.slots.judged(primary.now, "9 errors"))[:3] == [
        Offer(2, None),
        GoBack(0, "9 errors"),
        Retire(3, UNDONE),
    ]


def test_canaryThatDiesIsNotWaitedFor() -> None:
    """
    Its end says why.
    """
    primary = canary(2, "10%")
    assert primary.exit(3)[:2] == [Offer(2, None), GoBack(3, "")]


def test_whoIsDrainedLeavesThoughTheReloadFails() -> None:
    """
    It was to leave before, whatever becomes of the reload.
    """
    primary = running(2)
    primary.take(primary.slots.replace(primary.now, 1, Renewal("it is drained")))
    primary.take(primary.slots.reload(primary.now, Plan(2, trial=5.0)))
    primary.exit(3)
    primary.after(1.0)
    primary.exit(4)
    primary.after(1.0)
    assert primary.started()[-1] == 1
    assert Retire(1, "it is drained") in primary.ready(max(primary.alive))


def test_whoIsReplacedDoesNotWaitForTheNewGeneration() -> None:
    """
    While what the new ones are made of is not there yet, those that die have successors
    of the generation that serves.
    """
    primary = running(2)
    primary.waiting.add(2)
    primary.take(primary.slots.reload(primary.now, Plan(2)))
    assert primary.after(1.0) == []
    assert Start(3, 2, 1) in [*primary.exit(2), *primary.after(1.0)]
    primary.ready(3)
    primary.waiting.clear()
    assert Start(4, 1, 2) in primary.after(0.05)
