"""
What becomes of a connection.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import define, frozen
from zope.interface import implementer

from tests.core.members import hand, member
from twisted_cluster.core.counting import Places
from twisted_cluster.core.decision import PATIENCE, Asking, Decision, Shares, Way
from twisted_cluster.core.lines import Lines
from twisted_cluster.core.member import LOST, WINDOW, Member
from twisted_cluster.core.roster import Roster
from twisted_cluster.core.users import Users
from twisted_cluster.events import NO_LIMITS, REFUSE, ConnectionFacts, Limits
from twisted_cluster.interfaces import (
    IGroupingPolicy,
    ILiningPolicy,
    ILoyalPolicy,
    ISchedulingPolicy,
    IWorkerLoad,
)
from twisted_cluster.testing import connectionFrom

FACTS = connectionFrom()


@implementer(ISchedulingPolicy)
@define
class Wanting:
    """
    Wants a worker by its id, and nobody else.
    """

    id: int = 1

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        return next((one for one in ready if one.id == self.id), None)


@implementer(ILoyalPolicy)
class Loyal(Wanting):
    """
    For good.
    """


@implementer(IGroupingPolicy, ILiningPolicy)
class Grouping:
    """
    What a connection says first is the group that it wants.
    """

    groups = ("a", "b")

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        group = self.lineOf(connection)
        return next((one for one in ready if group in ("", one.group)), None)

    def lineOf(self, connection: ConnectionFacts) -> str | None:
        return connection.first.decode()


@frozen
class Waiter:
    """
    Somebody who waits.
    """

    until: int = 0


class Desk:
    """
    A decision, and what it is about.
    """

    def __init__(
        self, policy: ISchedulingPolicy, *members: Member, limits: Limits = NO_LIMITS
    ) -> None:
        loyal, grouped = isinstance(policy, Loyal), isinstance(policy, Grouping)
        self.users: Users[Member] = Users(1, loyal, grouped)
        self.lines: Lines[Waiter] = Lines(2)
        self.places = Places(limits)
        for each in members:
            self.users.join(each)
            if each.tally is not None:
                self.places.tallies[each.id] = each.tally
        self._version = 0
        self.decision = Decision(
            self.users, Asking(policy), self.lines, self.places, limits.listeners.get("")
        )

    @property
    def ready(self) -> tuple[Member, ...]:
        self._version += 1
        return self.users.ready(self._version)

    def before(self, waiting: int = 0) -> Way:
        return self.decision.before(self.ready, waiting)

    def decide(self, first: bytes = b"", waited: bool = False) -> tuple[Way, object]:
        facts = FACTS._replace(first=first)
        decided = self.decision.decide(facts, self.ready, waited)
        return decided.way, decided.member or decided.line


# Before a connection is accepted


def test_whoCanBeServedIsAccepted() -> None:
    """
    With nobody there, what comes stays where it is.
    """
    one = member(1)
    assert Desk(Wanting(), one).before() is Way.GIVE
    hand(one, WINDOW)
    assert Desk(Wanting(), one).before() is Way.LEAVE
    assert Desk(Wanting()).before() is Way.LEAVE


def test_whenAllWaitForTheSameNoMoreAreAccepted() -> None:
    """
    Once those fill the waiting room: the next one would have to be closed. But not if
    others have been served meanwhile.
    """
    desk = Desk(Grouping(), member(1, "a"))
    desk.lines.add("b", Waiter())
    assert desk.before() is Way.GIVE
    desk.lines.add("b", Waiter())
    assert desk.before() is Way.LEAVE
    desk.lines.passed = True
    assert desk.before() is Way.GIVE


@pytest.mark.parametrize(("atLimit", "way"), [("wait", Way.LEAVE), ("shed", Way.AWAY)])
def test_atALimit(atLimit: str, way: Way) -> None:
    """
    A port's counts those that wait; of workers' all must be reached.
    """
    limits = Limits(listeners={"": 2}, atLimit=atLimit)
    one = member(1, most=9)
    desk = Desk(Wanting(), one, limits=limits)
    hand(one)
    assert desk.before() is Way.GIVE
    assert desk.before(1) is way
    one, two = member(1, most=1), member(2, most=1)
    desk = Desk(Wanting(), one, two, limits=Limits(worker=1, atLimit=atLimit))
    hand(one)
    assert desk.before() is Way.GIVE
    hand(two)
    assert desk.before() is way


def test_whoHasNoRoomIsNotAtALimit() -> None:
    """
    Nobody is turned away because a worker is only slow.
    """
    one = member(1, most=1000)
    desk = Desk(Wanting(), one, limits=Limits(worker=1000, atLimit=REFUSE))
    hand(one, WINDOW)
    assert desk.before() is Way.LEAVE


def test_loyalClientsWaitForThePlacesOfAll() -> None:
    """
    Only when all workers have as many as they may is nobody accepted.
    """
    one, two = member(1, most=1), member(2, most=1)
    desk = Desk(Loyal(), one, two, limits=Limits(worker=1))
    hand(one)
    assert desk.before() is Way.GIVE
    hand(two)
    assert desk.before() is Way.LEAVE


# After it is


def test_itGoesWhereThePolicySays() -> None:
    one, two = member(1), member(2)
    assert Desk(Wanting(2), one, two).decide() == (Way.GIVE, two)


def test_whoIsNotWantedNowWaits() -> None:
    """
    As long as there is room for it to; who waits already, in any case.
    """
    desk = Desk(Wanting(2), member(1))
    assert desk.decide() == (Way.HOLD, None)
    desk.lines.add(None, Waiter())
    desk.lines.add(None, Waiter())
    assert desk.decide()[0] is Way.AWAY
    assert desk.decide(waited=True)[0] is Way.HOLD


def test_whatWasLookedAtIsKept() -> None:
    """
    Though nobody is ready any more, and there is no room: it was accepted for them.
    """
    desk = Desk(Wanting())
    for _ in range(2):
        desk.lines.add(None, Waiter())
    assert desk.decide()[0] is Way.HOLD


def test_aNewcomerGoesToTheEndOfItsLine() -> None:
    """
    Though there is room just now: others were there before. The next in line has it.
    """
    one = member(1, "a")
    desk = Desk(Grouping(), one, member(2, "b"))
    desk.lines.add("a", Waiter())
    assert desk.decide(b"a") == (Way.HOLD, "a")
    assert desk.decide(b"a", waited=True) == (Way.GIVE, one)
    assert desk.decide(b"b")[0] is Way.GIVE


def test_aLoyalClientsLineIsItsWorkers() -> None:
    """
    It waits for a place there, and passes none of those who do already.
    """
    one, two = member(1, most=1), member(2, most=9)
    desk = Desk(Loyal(1), one, two, limits=Limits(worker=1))
    hand(one)
    way, line = desk.decide()
    assert way is Way.HOLD
    desk.lines.add(line, Waiter())
    one.page.ended[0] += 1
    one.hasRoom()
    assert desk.decide() == (Way.HOLD, line)
    assert desk.decide(waited=True) == (Way.GIVE, one)


def test_noWaitingForAPlaceWhereNewOnesAreTurnedAway() -> None:
    """
    C{--at-limit refuse} is for those as well who could wait for one worker's.
    """
    one, two = member(1, most=1), member(2, most=9)
    desk = Desk(Loyal(1), one, two, limits=Limits(worker=1, atLimit=REFUSE))
    hand(one)
    assert desk.decide()[0] is Way.AWAY


# Asking a policy


def test_aStrangerIsNoChoice() -> None:
    class Odd:
        def choose(self, connection, ready):
            return member(7)

    with pytest.raises(ValueError, match="not among"):
        Asking(Odd()).choose(FACTS, (member(1),))


def test_patienceWithLoyalty() -> None:
    """
    A crowd at one worker: its clients' next ones are better served by another.
    """
    one, two = member(1), member(2)

    @implementer(ILoyalPolicy)
    class First:
        def choose(self, connection, ready):
            return ready[0]

    asking: Asking[Member] = Asking(First())
    hand(one, PATIENCE - 1)
    assert asking.choose(FACTS, (one, two)) is one
    hand(one)
    assert asking.choose(FACTS, (one, two)) is two
    hand(two, PATIENCE)
    assert asking.choose(FACTS, (one, two)) is None


# What others have of a worker that takes nothing


def sharesOf(one: Member, *others: Member) -> Shares[Member]:
    roster: Roster[Member] = Roster()
    for each in (one, *others):
        roster.enter(each)
    return Shares(roster, one)


def test_noMoreThanThereIsRoomFor() -> None:
    two = member(2)
    hand(two, WINDOW - 2)
    shares = sharesOf(member(1), two)
    users: Users[Member] = Users(1)
    assert [shares.take(users) for _ in range(3)] == [True, True, False]
    assert not shares


def test_ofAGroupOnlyForTheGroup() -> None:
    """
    What others could have is not for those who must stay in the group.
    """
    two, three = member(2, "a"), member(3, "b")
    hand(two, WINDOW - 1)
    shares = sharesOf(member(1, "a"), two, three)
    grouped: Users[Member] = Users(1, grouped=True)
    plain: Users[Member] = Users(2)
    assert [shares.take(grouped) for _ in range(2)] == [True, False]
    assert not shares.mayTake(grouped)
    assert shares.take(plain)


def test_loyalOnesAreLeftToItUntilItIsLost() -> None:
    one, two = member(1), member(2)
    loyal: Users[Member] = Users(1, loyal=True)
    assert not sharesOf(one, two).take(loyal)
    one.lookAt(LOST)
    assert sharesOf(one, two).take(loyal)
