"""
A UDP port whose sockets a program chooses from: it is told who is there, and what lies at
sockets that nobody reads others get.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from twisted_cluster.core.users import Users
from twisted_cluster.primary.door.hall import Hall
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.ports.datagrams import DatagramReserve
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.wire.handed import RELAYED, Handed
from twisted_cluster.wire.reader import Reader
from twisted_cluster.wire.relayed import relay


class Tiller:
    """
    Knows whom new peers may have.

    @ivar isBusy: Whether something is being taken.
    """

    isBusy = False

    def __init__(
        self,
        listener: Listener,
        group: DatagramReserve,
        hall: Hall,
        give: Callable[[Handed], None],
        flush: Callable[[], None],
    ) -> None:
        """
        @param give: Called with datagrams that were taken.
        @param flush: Called after some.
        """
        self._listener = listener
        self._users = cast(Users[Hand], listener.users)
        self._group = group
        self._hall = hall
        self._give = give
        self._flush = flush
        self._isResting = False
        self._reader = Reader(
            hall.reactor, group.unaccepted.idle.fileno, self._take, listener.facts.name
        )

    def steer(self) -> None:
        """
        Have the kernel choose among those who read just now; if there are none, among
        all. Who leaves keeps its peers, where the program knows them; where it does not,
        peers would move to and fro with whoever is slow for a moment.
        """
        able = self._ready
        if not self._group.remembers:
            able = [hand for hand in self._users if hand.open]
        weights = {hand.id: 1 for hand in able or self._users}
        try:
            self._group.serve(weights, leaving=self._users.ids)
        except OSError as error:
            self._say(f"the kernel takes no program: {error}")
        self._watch()

    def look(self) -> None:
        """
        To be called some 20 times a second.
        """
        self._isResting = False
        self._watch()
        try:
            self._group.attach()
        except OSError as error:
            self._say(f"the kernel takes no program: {error}")

    def share(self, generation: int, part: float | None) -> None:
        """
        Of peers there are no shares.
        """

    def watch(self, wanted: bool) -> None:
        """
        The primary accepts nothing here.
        """

    @property
    def _ready(self) -> Sequence[Hand]:
        return self._users.ready(self._hall.hands.roster.version)

    def _watch(self) -> None:
        isReading = bool(self._ready) and not self._isResting
        (self._reader.start if isReading else self._reader.stop)()

    def _take(self) -> None:
        # What comes while a program is detached comes again and again: what is for
        # workers costs this process a little.
        self._isResting = True
        number = self._listener.number
        for member in self._group.waiting():
            datagrams = self._group.read(member)
            if not datagrams:
                continue
            try:
                self._give(Handed(relay(datagrams), number, "", flags=RELAYED))
            except OSError as error:
                self._say(f"{len(datagrams)} datagrams are lost: {error}")
        self._flush()
        self._watch()

    def close(self) -> None:
        """
        Take no more.
        """
        self._reader.stop()

    def _say(self, what: str) -> None:
        self._hall.say(self._listener.facts.name, what)
