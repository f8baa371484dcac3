"""
Workers for tests of the core.
"""

from __future__ import annotations

from attrs import Factory, define

from twisted_cluster.core.counting import Tally
from twisted_cluster.core.member import Member, Post

SECOND = 1_000_000_000


@define
class Counted:
    """
    What a worker says of itself.
    """

    heartbeat: int = 0
    taken: int = 0
    opened: int = 0
    closed: int = 0
    lag: int = 0
    headroom: int = 1000
    counted: int = 0
    waiting: int = 0
    born: int = 0
    cpu: int = 0
    rss: int = 0
    ended: list[int] = Factory(lambda: [0] * 64)


@define
class Connection:
    """
    What is handed over.
    """

    listener: int = 1
    tally: int = 0


def member(
    id: int,
    group: str = "",
    number: int | None = None,
    most: int | None = None,
    **more: int,
) -> Member:
    """
    A worker that has shown life.

    @param most: How many connections it may have.
    """
    page = Counted()
    tally = None if most is None else Tally(page, most)
    made = Member(Post(id, number or id, group), page, tally, **more)
    made.lookAt(0)
    made.hasRoom()
    return made


def hand(to: Member, count: int = 1, listener: int = 1) -> None:
    """
    Hand connections over.
    """
    for _ in range(count):
        to.add(Connection(listener))


def take(worker: Member, count: int | None = None) -> None:
    """
    Have a worker take what it was handed.

    @param count: L{None} is all.
    """
    worker.page.taken += worker.queued if count is None else count
