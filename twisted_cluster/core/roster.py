"""
Who is there.
"""

from __future__ import annotations

from typing import Generic

from twisted_cluster.core.member import M


class Roster(Generic[M]):
    """
    All workers that may be given connections.

    @ivar members: By id.
    @ivar version: Changes whenever a member's state does.
    @ivar full: Those that had no room when last asked.
    """

    def __init__(self, limited: bool = False) -> None:
        """
        @param limited: Whether there is room again also when connections end.
        """
        self.members: dict[int, M] = {}
        self.version = 0
        self.full: set[M] = set()
        self._limited = limited
        self._listens = False

    def enter(self, member: M) -> None:
        """
        One more, or one that had left for a while.
        """
        member.open = True
        self.members[member.id] = member
        self.version += 1

    def leave(self, member: M) -> None:
        """
        It is to be given nothing more.
        """
        member.open = member.reachable = False
        self.members.pop(member.id, None)
        self.full.discard(member)
        self.version += 1

    def note(self, member: M) -> None:
        """
        A member is full, or has no credit left somewhere.
        """
        if member.full:
            self.full.add(member)
            member.page.waiting = int(self._listens)
        self.version += 1

    def look(self, now: int) -> list[M]:
        """
        Look at every heartbeat; to be called some 20 times a second.

        @param now: Monotonic nanoseconds.
        @return: Those that show no life and have not taken all that they were handed.
        """
        behind = []
        for member in self.members.values():
            member.lookAt(now)
            if member.reconcile() and not member.fresh:
                behind.append(member)
            if not member.hasRoom():
                self.full.add(member)
        self.version += 1
        return behind

    def glance(self, now: int) -> list[M]:
        """
        @return: Those that take what they are handed since now, or do no longer.
        """
        changed = [one for one in self.members.values() if one.glance(now)]
        if changed:
            self.version += 1
            self.listen(self._listens)
        return changed

    def changed(self) -> None:
        """
        Something may have changed: look at those that had no room, or took nothing.
        """
        for member in self.members.values():
            if member.goesOn():
                member.page.waiting = 0
        self.recheck()
        self.version += 1

    def recheck(self) -> bool:
        """
        Look at those that were full.

        @return: Whether any has room again.
        """
        again = [one for one in self.full if one.hasRoom()]
        for member in again:
            self.full.discard(member)
            member.page.waiting = 0
            self.version += 1
        return bool(again)

    def listen(self, wanted: bool) -> None:
        """
        Somebody waits until those that are slow have taken something; or nobody does any
        longer. Who wants to hear of it has to look at them once more: they take first,
        and then see whether to say so.
        """
        self._listens = wanted
        for member in self.members.values():
            if self._limited or member.full or member.stalled:
                member.page.waiting = int(wanted)

    @property
    def isBusy(self) -> bool:
        """
        Whether anybody has anything that it has not taken.
        """
        return any(one.queued or one.stalled for one in self.members.values())

    def spareBeside(self, member: M, group: str | None = None) -> int:
        """
        For how many connections others have room, who take what they are handed.

        @param group: Only those of this group; L{None} is any.
        """
        return sum(
            one.room
            for one in self.members.values()
            if one is not member
            and one.offerable
            and not one.stalled
            and (group is None or one.group == group)
        )
