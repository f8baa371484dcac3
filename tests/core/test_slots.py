"""
Which workers are started, replaced, ended, and when.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.core.primaries import Primary, running
from twisted_cluster.core.actions import (
    ALL,
    CUT_OFF,
    PLACE,
    REPLACED,
    SILENT,
    STARTING,
    Abort,
    Action,
    Again,
    Complete,
    Ended,
    GiveUp,
    Recovered,
    Report,
    Retire,
    Start,
)
from twisted_cluster.core.places import Renewal
from twisted_cluster.core.slots import Slots
from twisted_cluster.core.starts import STARTS_PER_SECOND

# Boot


def test_firstWorkerStartsAlone() -> None:
    """
    The others follow when it is ready, one at each event.
    """
    primary = Primary(3)
    primary.after(5.0)
    assert primary.started() == [1]
    assert primary.ready(1) == [Start(2, 2, 1)]
    assert primary.after(0.05) == [Start(3, 3, 1)]
    assert primary.after(5.0) == []


def test_allReadyIsToldOnce() -> None:
    """
    When the last slot is filled; and again when it has been filled anew.
    """
    primary = Primary(2)
    primary.ready(1)
    assert primary.ready(2) == [Complete()]
    assert primary.ready(2) == []
    primary.after(2.0)
    primary.exit(2)
    assert primary.ready(3) == [Complete()]


def test_slowStartIsMentionedAndHoldsOthersBackForAWhile() -> None:
    """
    It is mentioned every 10 s; after 30 s the others start.
    """
    primary = Primary(2)
    assert primary.after(29.9) == [
        Report(STARTING, 1, pytest.approx(10.0, abs=0.1), 1, PLACE),
        Report(STARTING, 1, pytest.approx(20.0, abs=0.1), 1, PLACE),
    ]
    assert primary.after(0.2) == [
        Report(STARTING, 1, pytest.approx(30.0, abs=0.1), 1, PLACE),
        Start(2, 2, 1),
    ]


def test_startHasALimit() -> None:
    """
    Who has not started in time is killed, once; that is a failed start.
    """
    primary = Primary(1, startTimeout=5.0)
    assert primary.after(8.0) == [
        Abort(1, "it had not started within 5 s"),
    ]
    assert primary.exit(1) == [GiveUp(1), Ended()]


def test_whoIsHeldIsNotOverdue() -> None:
    """
    As long as somebody looks at it with a debugger; the time begins anew then.
    """
    primary = Primary(1, startTimeout=5.0)
    for _ in range(20):
        assert primary.after(1.0) == []
        primary.slots.held(primary.now, 1)
    primary.slots.held(primary.now, 7)
    assert primary.after(4.0) == []
    assert primary.after(2.0)[-1] == Abort(1, "it had not started within 5 s")


@pytest.mark.parametrize("end", [Primary.exit, Primary.refuse])
def test_whoCannotStartFailsOnceNotOncePerCore(
    end: Callable[[Primary, int], list[Action]],
) -> None:
    """
    The first fails, or is refused by the system: boot gives up.
    """
    primary = Primary(4)
    assert end(primary, 1) == [GiveUp(1), Ended()]
    assert primary.after(60.0) == []


def test_whoHungMayHaveHadBadLuck() -> None:
    """
    Another slot is tried before boot gives up.
    """
    primary = Primary(2, startTimeout=5.0)
    primary.after(5.1)
    assert primary.exit(1) == [Again(1, 1, 0.1, 1, False, 0, 2), Start(2, 2, 1)]
    primary.after(5.1)
    assert primary.exit(2) == [GiveUp(2), Ended()]


def test_bootGivesUpOnlyWhenAllThatWereTriedHaveFailed() -> None:
    """
    Others that were started meanwhile may still come up.
    """
    primary = Primary(3)
    primary.after(31.0)
    assert primary.started() == [1, 2, 3]
    assert primary.exit(1) == [Again(1, 1, 0.1, 1, False, 0, 3)]
    assert primary.exit(2) == [Again(2, 2, 0.1, 1, False, 0, 3)]
    assert primary.exit(3) == [GiveUp(3), Ended()]


def test_givingUpEndsTheOthers() -> None:
    """
    Who is starting again when the last one fails is not left behind.
    """
    primary = Primary(2)
    primary.after(31.0)
    primary.exit(1)
    primary.after(0.2)
    assert primary.alive == {2: 2, 3: 1}
    assert primary.exit(2) == [GiveUp(2), Retire(3)]
    assert primary.exit(3) == [Ended()]


def test_whoWasReadyCouldStart() -> None:
    """
    An end soon after that is no reason to give up.
    """
    primary = Primary(1)
    primary.ready(1)
    primary.exit(1)
    primary.after(0.05)
    primary.exit(2)
    primary.after(60.0)
    assert primary.alive


@pytest.mark.parametrize("isReady", [False, True])
def test_onlyWorkerToldToEndInItsFirstSecondsIsReplaced(isReady: bool) -> None:
    """
    Somebody's SIGTERM is not the end of the cluster, nor a failed start.
    """
    primary = Primary(1)
    primary.after(0.5)
    if isReady:
        primary.ready(1)
    assert primary.exit(1, told=True) == [Start(2, 1, 1)]


# Healing


def test_whoIsToldTooEarlyAgainAndAgainIsDelayed() -> None:
    """
    An application that ends itself by a signal as soon as it runs costs no more than one
    that crashes; but it has not failed to start.
    """
    primary = Primary(1)
    primary.ready(1)
    assert primary.exit(1, told=True) == [Start(2, 1, 1)]
    for id in range(2, 8):
        primary.ready(id)
        assert primary.exit(id, told=True) == []
        assert primary.after(2.0)[-1:] == [Start(id + 1, 1, 1)]
    primary.ready(8)
    primary.after(2.0)
    assert primary.exit(8, told=True) == [Start(9, 1, 1)]
    assert not [one for one in primary.log if isinstance(one, GiveUp)]


def test_replacementOfASettledWorkerIsImmediate() -> None:
    """
    However often it happens.
    """
    primary = running(2)
    for _ in range(100):
        victim = max(primary.alive)
        assert isinstance(primary.exit(victim)[0], Start)
        primary.after(0.5)
        primary.ready(max(primary.alive))
        primary.after(1.1)


def test_oneCrashASecondServesOn() -> None:
    """
    Four workers, of which one crashes each second, and half a second for a start.
    """
    primary = running(4)
    for _ in range(600):
        ready = list(primary.alive)
        primary.exit(ready[0])
        assert len(primary.alive) == 4
        primary.after(0.5)
        primary.ready(*primary.alive)
        primary.after(0.5)


def test_whoCannotStartIsTriedAgainMoreAndMoreSeldom() -> None:
    """
    The delay doubles to 30 s while others serve.
    """
    primary = running(2)
    primary.exit(2)
    delays = []
    for _ in range(12):
        victim = max(primary.alive)
        (again, *_) = primary.exit(victim)
        assert isinstance(again, Again)
        delays.append(again.seconds)
        primary.after(again.seconds + 0.1)
    assert delays[:4] == [0.1, 0.2, 0.4, 0.8]
    assert delays[-2:] == [30.0, 30.0]


def test_failuresThatGoOnAreKnownAndEnd() -> None:
    """
    From the third on, until a worker of that slot has served for a second; how many serve
    meanwhile is known.
    """
    primary = running(3)
    primary.exit(2)
    for count in range(1, 5):
        (again, *_) = primary.exit(max(primary.alive))
        assert isinstance(again, Again)
        assert (again.failures, again.isPersistent) == (count, count >= 3)
        assert (again.serving, again.wanted, again.wasReady) == (2, 3, False)
        primary.after(again.seconds + 0.1)
    last = max(primary.alive)
    primary.ready(last)
    assert primary.after(0.9) == []
    assert primary.after(0.2) == [Recovered(last, 4, 3, 3)]
    assert primary.after(5.0) == []


def test_fewFailuresAreNoRecovery() -> None:
    """
    Who has failed twice only is no news when it serves.
    """
    primary = running(2)
    primary.exit(2)
    primary.exit(3)
    primary.after(0.2)
    primary.ready(max(primary.alive))
    assert primary.after(5.0) == []


def test_settlingEndsTheBackOff() -> None:
    """
    After a worker that was ready for a second the next failure is the first again.
    """
    primary = running(2)
    primary.exit(2)
    for _ in range(5):
        primary.exit(max(primary.alive))
        primary.after(5.0)
    primary.ready(max(primary.alive))
    primary.after(1.1)
    primary.exit(max(primary.alive))
    last = max(primary.alive)
    assert primary.exit(last) == [Again(last, 2, 0.1, 1, False, 1, 2)]


def test_thereAreNeverNoWorkersWhileOneCanBeStarted() -> None:
    """
    All crash as soon as they are ready: with nobody there one starts at once.
    """
    primary = running(2)
    for _ in range(40):
        for id in list(primary.alive):
            primary.ready(id)
            primary.exit(id)
        primary.after(0.05)
        assert primary.alive


def test_withNobodyThereNobodyWaitsLong() -> None:
    """
    Who cannot start any more is tried again every 2 s at the latest if he is the only
    one.
    """
    primary = running(1)
    primary.exit(1)
    for _ in range(20):
        primary.exit(max(primary.alive))
        primary.after(2.1)
        assert primary.alive


def test_startsPerSecondAreCapped() -> None:
    """
    Over all slots.
    """
    primary = Primary(200)
    primary.ready(1)
    primary.after(0.9, step=0.001)
    assert len(primary.started()) == STARTS_PER_SECOND
    primary.after(8.0, step=0.01)
    assert primary.started() == list(range(1, 201))


def test_onlySoManyStartAtATime() -> None:
    """
    The next starts when one of them is ready, or has failed; hanging ones hold up nobody
    for more than 30 s.
    """
    primary = Primary(9, atATime=3)
    primary.ready(1)
    primary.after(5.0)
    assert primary.started() == [1, 2, 3, 4]
    assert primary.ready(2) == [Start(5, 5, 1)]
    assert primary.exit(3)[1:] == [Start(6, 6, 1)]
    primary.after(62.0)
    assert set(primary.started()) == set(range(1, 10))


# Ends that are wanted


def test_aLeavingWorkersSuccessorNeedNotWait() -> None:
    """
    Told to end by somebody: its slot is filled at once, and its exit changes nothing.
    """
    primary = running(2)
    assert primary.take(primary.slots.leaving(primary.now, 1, True)) == [Start(3, 1, 1)]
    assert primary.take(primary.slots.leaving(primary.now, 1, True)) == []
    assert primary.exit(1, told=True) == []


def test_whoEndsByItselfTooSoonWaits() -> None:
    """
    An application that stops its reactor as soon as it runs does not spin.
    """
    primary = running(2)
    primary.exit(2)
    primary.ready(3)
    assert primary.take(primary.slots.leaving(primary.now, 3, False)) == [
        Again(3, 2, 0.1, 1, True, 1, 2)
    ]


def test_whoEndsByItselfBeforeItIsReadyHasFailed() -> None:
    """
    That is no start.
    """
    primary = Primary(1)
    assert primary.take(primary.slots.leaving(0.1, 1, False)) == []
    assert primary.exit(1) == [GiveUp(1), Ended()]


def test_stopRetiresAllAndStartsNobody() -> None:
    """
    Also who is starting; the last exit ends it.
    """
    primary = running(2)
    primary.exit(1)
    assert primary.take(primary.slots.stop(primary.now)) == [Retire(2), Retire(3)]
    assert primary.after(60.0) == []
    assert primary.exit(2) == []
    assert primary.exit(3) == [Ended()]


def test_haltStartsNobody() -> None:
    """
    A signal that reaches the primary and its workers ends these before it says stop.
    """
    primary = Primary(2)
    primary.ready(1, 2)
    primary.slots.halt()
    assert primary.take(primary.slots.leaving(primary.now, 1, told=True)) == []
    assert primary.exit(1, told=True) == []
    assert primary.after(1.0) == []
    assert primary.take(primary.slots.stop(primary.now)) == [Retire(2)]
    assert primary.exit(2) == [Ended()]


def test_stopWithNobodyThereIsDone() -> None:
    """
    There is nobody to wait for.
    """
    assert Slots().stop(0.0) == [Ended()]


def test_stoppedCanBeStartedAgain() -> None:
    """
    Ids go on; it is a boot like the first.
    """
    primary = running(2)
    primary.take(primary.slots.stop(primary.now))
    primary.exit(1)
    primary.exit(2)
    assert primary.take(primary.slots.begin(primary.now, 2)) == [Start(3, 1, 1)]
    assert primary.after(1.0) == []
    assert primary.exit(3) == [GiveUp(3), Ended()]


# Who is there and does not work


def test_deafWorkerIsReplaced() -> None:
    """
    It is told, its slot filled at once, and then it is retired; once.
    """
    primary = running(2)
    assert primary.take(primary.slots.deaf(primary.now, 1, 5.0)) == [
        Report(REPLACED, 1, 5.0, 1, ALL),
        Start(3, 1, 1),
    ]
    assert primary.take(primary.slots.deaf(primary.now, 1, 6.0)) == []
    assert Retire(1) in primary.ready(3)


def test_hungWorkerIsEndedAndItsSlotFilledAtOnce() -> None:
    """
    Once; that is a failure, and one that begins with a hang is not started again at once.
    """
    primary = running(2)
    primary.after(5.0)
    assert primary.take(primary.slots.hung(primary.now, 1, 30.0)) == [
        Abort(1, "it had shown no life for 30 s"),
        Start(3, 1, 1),
    ]
    assert primary.take(primary.slots.hung(primary.now, 1, 60.0)) == []
    assert primary.exit(1) == []
    primary.ready(3)
    ended, again = primary.take(primary.slots.hung(primary.now, 3, 30.0))
    assert ended == Abort(3, "it had shown no life for 30 s")
    assert again == Again(3, 1, 0.1, 1, True, 1, 2)


def test_hungWorkerThatIsToBeReplacedIsEndedAsWell() -> None:
    """
    Its successor starts already.
    """
    primary = running(1)
    assert primary.take(primary.slots.replace(primary.now, 1, Renewal())) == [
        Start(2, 1, 1)
    ]
    assert primary.take(primary.slots.hung(primary.now, 1, 30.0)) == [
        Abort(1, "it had shown no life for 30 s")
    ]
    assert primary.ready(2) == [Complete()]


def test_whoClosesItsChannelAndLivesOnIsReplaced() -> None:
    """
    After a moment, in which those that die are gone; its exit is nothing new then.
    """
    primary = running(2)
    primary.after(5.0)
    for id in (1, 2):
        assert primary.take(primary.slots.lost(primary.now, id)) == []
    assert primary.after(0.9) == []
    primary.now += 0.2
    for id in (1, 2):
        assert primary.take(primary.slots.tick(primary.now)) == [
            Report(CUT_OFF, id, pytest.approx(1.1), id),
            Start(id + 2, id, 1),
        ]
    assert primary.take(primary.slots.lost(primary.now, 1)) == []
    assert primary.exit(1) == []
    assert primary.after(2.0) == []


def test_whoseChannelIsClosedMayBeDead() -> None:
    """
    How it has ended says more: nothing is told twice.
    """
    primary = running(1)
    primary.after(5.0)
    primary.take(primary.slots.lost(primary.now, 1))
    assert primary.exit(1) == [Start(2, 1, 1)]
    assert primary.after(2.0) == []


def test_whoLosesItsChannelWhileItStartsCannotStart() -> None:
    """
    It will never be heard to be ready.
    """
    primary = Primary(1)
    primary.take(primary.slots.lost(primary.now, 1))
    assert primary.after(1.1) == [Report(CUT_OFF, 1, pytest.approx(1.0), 1), GiveUp(1)]


def test_silentWorkerIsTold() -> None:
    """
    It may be at work: nothing else happens.
    """
    primary = running(1)
    assert primary.take(primary.slots.silent(9.0, 1, 10.0)) == [
        Report(SILENT, 1, 10.0, 1, ALL)
    ]


# More, fewer, others


def test_scalingStartsAndRetires() -> None:
    """
    More slots are filled; of fewer the last ones end.
    """
    primary = running(2)
    assert primary.take(primary.slots.want(primary.now, 3)) == [Start(3, 3, 1)]
    assert primary.take(primary.slots.want(primary.now, 1)) == [Retire(2), Retire(3)]
    assert primary.after(60.0) == []
    assert primary.exit(3) == []
    assert primary.exit(2) == [Complete()]


# Replaced first, then retired


def renewing(count: int, **more: float) -> Primary:
    """
    The first of so many workers is to be replaced.
    """
    primary = running(count)
    renewal = Renewal("it is old", **more)
    primary.take(primary.slots.replace(primary.now, 1, renewal))
    return primary


def test_successorIsReadyBeforeAWorkerLeaves() -> None:
    """
    Also where there is only one.
    """
    primary = renewing(1)
    assert primary.log[-1] == Start(2, 1, 1)
    assert primary.after(5.0) == []
    assert primary.ready(2) == [Retire(1, "it is old"), Complete()]
    assert primary.exit(1) == [Complete()]
    assert primary.after(5.0) == []


def test_successorMayHaveToProveItself() -> None:
    """
    Then its predecessor stays for a while.
    """
    primary = renewing(1, trial=3.0)
    assert primary.ready(2) == [Complete()]
    assert primary.after(2.9) == []
    assert primary.after(0.2) == [Retire(1, "it is old")]


def test_successorThatFailsIsTriedAgain() -> None:
    """
    More and more seldom; meanwhile the old one serves.
    """
    primary = renewing(1)
    for id, delay in ((2, 0.1), (3, 0.2), (4, 0.4)):
        again = primary.exit(id)[0]
        assert isinstance(again, Again)
        assert again.seconds == delay
        assert again.serving == 1
        assert primary.after(delay + 0.1) == [Start(id + 1, 1, 1)]
    assert primary.ready(5)[0] == Retire(1, "it is old")


def test_whoMakesWayWaitsNoLongerThanItMay() -> None:
    """
    It leaves although there is no successor.
    """
    primary = renewing(1, latest=8.0)
    assert primary.after(8.0 - primary.now - 0.1) == []
    assert primary.after(0.2)[:1] == [Retire(1, "it is old")]


def test_whoMakesWayAndDiesIsNotMissed() -> None:
    """
    Its successor is on its way already, and its death is no failure of that one.
    """
    primary = renewing(1)
    assert primary.exit(1) == []
    assert primary.after(5.0) == []
    primary.ready(2)
    primary.after(2.0)
    assert primary.exit(2) == [Start(3, 1, 1)]


def test_whoServesNobodyYetNeedNotWait() -> None:
    """
    Who has not started yet leaves at once.
    """
    primary = running(1)
    primary.exit(1)
    renewal = Renewal("it is old")
    assert primary.take(primary.slots.replace(primary.now, 2, renewal)) == [
        Retire(2, "it is old"),
        Start(3, 1, 1),
    ]


def test_whoWasSentASignalMakesWay() -> None:
    """
    It is asked to leave when its successor is ready; told again, nothing happens.
    """
    primary = running(2)
    assert primary.take(primary.slots.told(primary.now, 1)) == [Start(3, 1, 1)]
    assert primary.take(primary.slots.told(primary.now, 1)) == []
    assert primary.after(5.0) == []
    assert primary.ready(3)[0] == Retire(1, "it was sent a signal")
    assert primary.exit(1) == [Complete()]


def test_whoAreSentSignalsAgainAndAgainAreReplacedMoreSlowly() -> None:
    """
    Those that have not settled; meanwhile they serve.
    """
    primary = running(1)
    for id in (1, 2):
        primary.take(primary.slots.told(primary.now, id))
        primary.ready(id + 1)
        primary.exit(id)
    assert primary.take(primary.slots.told(primary.now, 3)) == []
    assert primary.after(1.0) == [Start(4, 1, 1)]


def test_whoIsSentASignalInAStopIsNotReplaced() -> None:
    """
    It ends with the others: as long as they serve, it does.
    """
    primary = running(2)
    primary.slots.told(primary.now, 1)
    primary.slots.halt()
    assert primary.take(primary.slots.told(primary.now, 2)) == []
    stopped = primary.take(primary.slots.stop(primary.now))
    assert stopped[:2] == [Retire(1), Retire(2)]


def test_whoWasToMakeWayMayStay() -> None:
    """
    If nobody has told it to leave yet; then its successor does.
    """
    primary = renewing(2)
    assert primary.take(primary.slots.keep(primary.now, 1)) == [Retire(3)]
    assert primary.exit(3) == [Complete()]
    assert primary.after(5.0) == []


def test_nobodyIsReplacedInAStop() -> None:
    """
    Nor who leaves already.
    """
    primary = running(2)
    primary.take(primary.slots.leaving(primary.now, 1, True))
    assert primary.slots.replace(primary.now, 1, Renewal()) == []
    primary.slots.halt()
    assert primary.slots.replace(primary.now, 2, Renewal()) == []


@pytest.mark.parametrize(
    "event", ["ready", "silent", "deaf", "hung", "leaving", "exited"]
)
@pytest.mark.parametrize("state", ["unknown", "leaving", "gone"])
def test_whatComesTooLateChangesNothing(event: str, state: str) -> None:
    """
    Events of workers that are gone, or were never there, or leave already.
    """
    primary = running(1)
    id = 1 if state != "unknown" else 9
    if state != "unknown":
        primary.take(primary.slots.leaving(primary.now, 1, True))
    if state == "gone":
        primary.exit(1)
    known = dict.fromkeys(["silent", "deaf", "hung"], (9.0,))
    more = {**known, "leaving": (True,)}.get(event, ())
    assert getattr(primary.slots, event)(primary.now, id, *more) == []


def test_whoComesUpWhileAllAreAboutToEndIsNoNews() -> None:
    """
    Nobody is told that all are there.
    """
    primary = Primary(1)
    primary.slots.halt()
    assert primary.ready(1) == []
