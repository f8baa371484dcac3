"""
Who is there.
"""

from __future__ import annotations

from tests.core.members import hand, member, take
from twisted_cluster.core.member import STALE, WINDOW, Member
from twisted_cluster.core.roster import Roster

GLANCE = 10_000_000


def rosterOf(*members: Member) -> Roster[Member]:
    made: Roster[Member] = Roster()
    for each in members:
        made.enter(each)
    made.look(0)
    return made


def test_oneSlotMayHaveTwo() -> None:
    """
    Who leaves takes only itself away.
    """
    old, new = member(1, number=1), member(2, number=1)
    roster = rosterOf(old, new)
    before = roster.version
    roster.leave(old)
    assert list(roster.members.values()) == [new]
    assert old.draining
    assert not old.reachable
    assert roster.version > before
    roster.leave(old)


def test_whoIsBehindIsSeen() -> None:
    """
    Those that show no life and have something that they have not taken.
    """
    one, two, three = (member(id) for id in (1, 2, 3))
    roster = rosterOf(one, two, three)
    hand(one)
    hand(two)
    three.page.heartbeat = two.page.heartbeat = STALE
    assert roster.look(STALE) == [one]


def test_whoWasFullIsAskedAgain() -> None:
    """
    With room again it is no longer asked to speak.
    """
    one = member(1)
    roster = rosterOf(one)
    hand(one, WINDOW)
    roster.note(one)
    assert one.page.waiting == 0
    roster.listen(True)
    before = roster.version
    assert not roster.recheck()
    assert roster.version == before
    assert one.page.waiting == 1
    take(one, 1)
    assert roster.recheck()
    assert roster.version > before
    assert one.page.waiting == 0
    assert not roster.full


def test_stallsAreSeenByGlancing() -> None:
    """
    A change is told once; C{changed} sees at once that it goes on.
    """
    one, two = member(1), member(2)
    roster = rosterOf(one, two)
    assert not roster.isBusy
    hand(one)
    assert roster.isBusy
    assert roster.glance(GLANCE) == []
    assert roster.glance(2 * GLANCE) == [one]
    assert roster.glance(3 * GLANCE) == []
    roster.listen(True)
    assert (one.page.waiting, two.page.waiting) == (1, 0)
    take(one)
    roster.changed()
    assert not one.stalled
    assert one.page.waiting == 0


def test_whoGetsSlowWhileSomebodyWaitsIsAskedToSpeak() -> None:
    """
    As those are that were slow before; where connections are limited, all are.
    """
    one, two = member(1), member(2)
    roster = rosterOf(one, two)
    roster.listen(True)
    hand(one, WINDOW)
    roster.note(one)
    hand(two)
    roster.glance(GLANCE)
    roster.glance(2 * GLANCE)
    assert (one.page.waiting, two.page.waiting) == (1, 1)
    roster.listen(False)
    assert (one.page.waiting, two.page.waiting) == (0, 0)
    three = member(3)
    limited: Roster[Member] = Roster(limited=True)
    limited.enter(three)
    limited.listen(True)
    assert three.page.waiting == 1


def test_howMuchOthersHaveRoomFor() -> None:
    """
    Not those that are stalled, stale or full; of a group only its own.
    """
    one, two, three, four = (member(n, "ab"[n % 2]) for n in (1, 2, 3, 4))
    roster = rosterOf(one, two, three, four)
    hand(two, 2)
    assert roster.spareBeside(one) == 3 * WINDOW - 2
    assert roster.spareBeside(one, one.group) == WINDOW
    hand(three)
    roster.glance(GLANCE)
    roster.glance(2 * GLANCE)
    assert three.stalled
    assert two.stalled
    assert roster.spareBeside(one) == WINDOW
    assert roster.spareBeside(one, one.group) == 0
