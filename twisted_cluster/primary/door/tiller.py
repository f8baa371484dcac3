"""
A UDP port whose sockets a program chooses from: it is told who is there, and what lies at
sockets that nobody reads others get.
"""

from __future__ import annotations

from twisted_cluster.primary.door.steersman import Steersman
from twisted_cluster.primary.ports.datagrams import DatagramReserve
from twisted_cluster.wire.handed import RELAYED, Handed
from twisted_cluster.wire.relayed import relay


class Tiller(Steersman[DatagramReserve]):
    """
    Knows whom new peers may have. Of peers there are no shares, and the primary takes
    them whether it accepts or not.
    """

    def steer(self) -> None:
        super().steer()
        self._watch()

    def _serve(self) -> None:
        # If there are none who read just now, among all. Who leaves keeps its peers,
        # where the program knows them; where it does not, peers would move to and fro
        # with whoever is slow for a moment.
        able = self._ready
        if not self._group.remembers:
            able = [hand for hand in self._users if hand.open]
        weights = {hand.id: 1 for hand in able or self._users}
        self._group.serve(weights, leaving=self._users.ids)

    @property
    def _isTaking(self) -> bool:
        return bool(self._ready)

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
