"""
Who serves one listener.
"""

from __future__ import annotations

from tests.core.members import hand, member
from twisted_cluster.core.member import STALE, WINDOW, Member
from twisted_cluster.core.users import Users


def usersOf(*members: Member, **kind: bool) -> Users[Member]:
    made: Users[Member] = Users(1, **kind)
    for each in members:
        made.join(each)
    return made


def stall(one: Member) -> None:
    hand(one)
    one.glance(1)
    one.glance(2)
    assert one.stalled


def test_byNumberAndAsATuple() -> None:
    """
    Whatever the order in which they came; a policy cannot take anybody away.
    """
    two, one = member(1, number=2), member(2, number=1)
    users = usersOf(two, one)
    assert users.ready(0) == (one, two)
    assert isinstance(users.ready(0), tuple)


def test_keyedById() -> None:
    """
    A successor in the same slot is one more, and who leaves removes only itself.
    """
    old, new = member(1, number=1), member(2, number=1)
    users = usersOf(old, new)
    assert len(users) == 2
    assert users.leave(1)
    assert not users.leave(1)
    assert 1 not in users
    assert users.ready(0) == (new,)


def test_whoHasPausedIsStillThere() -> None:
    """
    It counts as a user, and is given nothing.
    """
    one, two = member(1), member(2)
    users = usersOf(one, two)
    users.pause(1, True)
    assert users.ready(0) == (two,)
    assert 1 in users
    assert (list(users), users.ids) == ([two], [1, 2])
    users.pause(1, False)
    assert users.ready(0) == (one, two)


def test_readinessIsAskedOncePerVersion() -> None:
    """
    Until the roster's version changes, what was found is good enough.
    """
    one = member(1)
    users = usersOf(one)
    assert users.ready(1) == (one,)
    hand(one, WINDOW)
    assert users.ready(1) == (one,)
    assert users.ready(2) == ()


def test_stalledOnesArePassedOver() -> None:
    """
    While there are others.
    """
    one, two = member(1), member(2)
    users = usersOf(one, two)
    stall(one)
    assert users.ready(0) == (two,)
    stall(two)
    assert users.ready(1) == (one, two)


def test_inItsGroupAStalledOneIsStillTheBest() -> None:
    """
    Other groups' workers can do nothing for its clients.
    """
    one, two, three = member(1, "a"), member(2, "b"), member(3, "b")
    users = usersOf(one, two, three, grouped=True)
    stall(one)
    stall(two)
    assert users.ready(0) == (one, three)


def test_loyalClientsAreOfferedTheBusyAsWell() -> None:
    """
    As long as they can be reached, and have descriptors.
    """
    one, two, three = member(1), member(2), member(3)
    users = usersOf(one, two, three, loyal=True)
    hand(one, WINDOW)
    two.lookAt(STALE)
    assert not two.fresh
    three.page.headroom = 1
    three.hasRoom()
    assert users.ready(0) == (one, two)


def test_whoWillTakeNoMoreIsLeftOut() -> None:
    """
    Of this listener; and not before somebody has said so.
    """
    one, two = member(1), member(2)
    users = usersOf(one, two)
    one.limit(1, 0)
    users.metered = True
    assert users.ready(0) == (two,)
