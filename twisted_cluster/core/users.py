"""
Who serves one listener, and who of them can take a connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic

from twisted_cluster.core.member import M, Member


def byNumber(member: Member) -> tuple[int, int]:
    """
    The order in which policies see workers.
    """
    return member.number, member.id


class Users(Generic[M]):
    """
    Who serves one listener.

    @ivar listener: Its number.
    @ivar loyal: Whether its clients have a worker each.
    @ivar grouped: Whether only those of its group can serve a client.
    @ivar metered: Whether one of them has ever said how much it is willing to take.
    """

    def __init__(self, listener: int, loyal: bool = False, grouped: bool = False) -> None:
        """
        As the attributes are called.
        """
        self.listener = listener
        self.loyal = loyal
        self.grouped = grouped
        self._members: dict[int, M] = {}
        self._paused: set[int] = set()
        self.metered = False
        self._ready: tuple[M, ...] = ()
        self._readyAt = -1

    def suit(self, loyal: bool, grouped: bool) -> None:
        """
        They are chosen in another way from now on.
        """
        self.loyal = loyal
        self.grouped = grouped
        self._readyAt = -1

    def __contains__(self, id: int) -> bool:
        return id in self._members

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[M]:
        """
        Those that have not paused.
        """
        return iter(m for m in self._members.values() if m.id not in self._paused)

    @property
    def ids(self) -> list[int]:
        """
        All of them, in order.
        """
        return sorted(self._members)

    def join(self, member: M) -> None:
        """
        It serves from now on.
        """
        self._members[member.id] = member
        self._readyAt = -1

    def leave(self, id: int) -> bool:
        """
        @return: Whether it was here.
        """
        self._paused.discard(id)
        self._readyAt = -1
        return self._members.pop(id, None) is not None

    def pause(self, id: int, paused: bool) -> None:
        """
        It takes nothing for now, or takes it again.
        """
        (self._paused.add if paused else self._paused.discard)(id)
        self._readyAt = -1

    def reconsider(self) -> None:
        """
        Whether one of them takes what comes has changed.
        """
        self._readyAt = -1

    def ready(self, version: int) -> tuple[M, ...]:
        """
        @param version: The roster's.
        @return: The workers that can take a connection, by number.
        """
        if version != self._readyAt:
            self._readyAt = version
            self._ready = tuple(self._whoIsReady(sorted(self, key=byNumber)))
        return self._ready

    def _whoIsReady(self, users: list[M]) -> Iterable[M]:
        if self.metered:
            users = [one for one in users if one.mayTakeFrom(self.listener)]
        if self.loyal:
            return [one for one in users if one.reachable and not one.short]
        able = [one for one in users if one.offerable]
        if self.grouped:
            going = {one.group for one in able if not one.stalled}
            return [one for one in able if not one.stalled or one.group not in going]
        return [one for one in able if not self._isStalled(one)] or able

    def _isStalled(self, member: M) -> bool:
        own = member.ports.get(self.listener)
        return member.stalled or (own is not None and own.isStalled)
