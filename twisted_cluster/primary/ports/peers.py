"""
Who of a UDP port is whose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from attrs import frozen
from zope.interface import implementer

from twisted_cluster.interfaces import IKernelPrograms
from twisted_cluster.steering import classic, extended
from twisted_cluster.steering.choices import byPeer
from twisted_cluster.steering.hashing import ofPeer
from twisted_cluster.steering.places import Place, indices

# In seconds: as long as Linux's own firewall remembers who talks by UDP.
IDLE = 180.0


@implementer(IKernelPrograms)
@frozen
class Peers:
    """
    Each peer, an address with a port, has a socket. With an extended program it keeps
    it until it is idle, also when others may be chosen from now on; with a classic one
    as long as that one may be chosen.

    @ivar idle: When a peer is: not heard for so long, in seconds.
    """

    readsLoads: ClassVar[bool] = False
    sharesByTurns: ClassVar[bool] = False
    idle: float = IDLE

    def classicProgram(self, places: Sequence[Place]) -> classic.Program | None:
        return byPeer(places)

    def extendedProgram(self) -> extended.Program | None:
        return ofPeer(self.idle)

    def turns(self, places: Sequence[Place]) -> Sequence[int]:
        return indices(places)
