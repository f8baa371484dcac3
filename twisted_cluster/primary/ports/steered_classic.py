"""
Sockets that a classic program chooses from, which everybody may have.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping, Sequence

from twisted_cluster.interfaces import IKernelPrograms
from twisted_cluster.primary.ports.programs import Programs
from twisted_cluster.primary.ports.steered import ANCHOR, Served, lockOnce
from twisted_cluster.steering import classic
from twisted_cluster.steering.choices import byWeight as chosenByWeight
from twisted_cluster.steering.classic import ret
from twisted_cluster.steering.places import Place
from twisted_cluster.wire.reuseport import attachClassic


class ClassicSteering:
    """
    By a program with numbers in it, which is made anew whenever they change.
    """

    kind = "classic"
    instead = ""
    remembers = False
    descriptors = 0

    def __init__(self, programs: IKernelPrograms, anchor: socket.socket) -> None:
        """
        @raise CannotSteerError: If there is no such program.
        """
        self._programs = Programs(programs)
        self._programs.checkClassic()
        self._anchor = anchor
        self._order: list[int] = [ANCHOR]
        self._locked: dict[int, socket.socket] = {}
        self._places: Sequence[Place] = ()
        self._byWeight = False
        self._program = b""
        self._renew()

    def add(self, index: int, member: socket.socket) -> None:
        lockOnce(index, member, self._locked)
        if index in self._order:
            self._forget(index)
        self._order.append(index)
        self._renew()

    def remove(self, index: int) -> None:
        self._forget(index)
        self._renew()

    def _forget(self, index: int) -> None:
        # As the kernel does it.
        last = self._order.pop()
        if last != index:
            self._order[self._order.index(index)] = last

    def allow(
        self,
        places: Sequence[Place],
        byWeight: bool = False,
        leaving: Collection[int] = (),
    ) -> None:
        self._places, self._byWeight = tuple(places), byWeight
        self._renew()

    def _renew(self) -> None:
        where = {index: at for at, index in enumerate(self._order)}
        here = [
            Place(where[place.index], place.weight)
            for place in self._places
            if place.index in where
        ]
        here.sort(key=lambda place: place.index)
        anchor = classic.assemble([ret(where[ANCHOR])])
        self._program = (self._make(here) if here else b"") or anchor
        try:
            self.attach()
        except OSError:
            # One that is as long as places are many may be too long; the one before
            # would choose those who may not be chosen any more.
            self._program = anchor
            self.attach()
            raise

    def _make(self, here: Sequence[Place]) -> bytes:
        if self._byWeight:
            return classic.assemble(chosenByWeight(here))
        return self._programs.classic(here)

    def change(self, programs: IKernelPrograms) -> None:
        changed = Programs(programs)
        changed.checkClassic()
        before, self._programs = self._programs, changed
        try:
            self._renew()
        except BaseException:
            self._programs = before
            raise

    def attach(self) -> None:
        attachClassic(self._anchor, self._program)

    def noteClosings(self) -> None:
        pass

    def reckon(self, served: Mapping[int, Served], now: float) -> None:
        pass

    def newClosings(self, index: int) -> int | None:
        return None

    def close(self) -> None:
        pass
