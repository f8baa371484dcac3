"""
Asking a policy for its programs, and doing without where it fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from twisted.logger import Logger

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.interfaces import IKernelPrograms
from twisted_cluster.primary.ports.steered import CannotSteerError
from twisted_cluster.steering import classic, extended
from twisted_cluster.steering.board import TURNS
from twisted_cluster.steering.choices import atRandom
from twisted_cluster.steering.places import Place, indices

log = Logger()
T = TypeVar("T")


def readsLoads(policy: object) -> bool:
    """
    Whether a policy's program goes by what workers have to do. A third party's need not
    say it.
    """
    return bool(getattr(policy, "readsLoads", False))


class Programs:
    """
    Those of a policy, which may be anybody's. It is asked for them first when a group is
    made: if it fails then, there is no such group; later on all have the same chance.

    @ivar readsLoads: As of L{IKernelPrograms}.
    """

    def __init__(self, policy: IKernelPrograms) -> None:
        self._policy = policy
        self._name = type(policy).__name__
        self._complaints = Complaints(time.monotonic_ns)
        self.readsLoads = readsLoads(policy)

    def extended(self) -> extended.Program:
        """
        @raise CannotSteerError: If there is none.
        """
        return self._first(lambda: self._policy.extendedProgram(), "extended")

    def checkClassic(self) -> None:
        """
        @raise CannotSteerError: If there is none.
        """
        self._first(lambda: self._policy.classicProgram([Place(0)]), "classic")

    def _first(self, ask: Callable[[], T | None], kind: str) -> T:
        try:
            program = ask()
        except BaseException as error:
            raise CannotSteerError(f"policy {self._name} failed: {error!r}") from error
        if program is None:
            raise CannotSteerError(f"there is no {kind} program for this")
        return program

    def classic(self, places: Sequence[Place]) -> bytes:
        """
        @param places: By ascending index; never empty.
        @return: The program as the kernel has it; empty, if nobody is to be chosen.
        """
        try:
            return classic.assemble(self._policy.classicProgram(places) or [])
        except BaseException:
            self._complain()
            return classic.assemble(atRandom(places))

    def turns(self, places: Sequence[Place]) -> Sequence[int]:
        """
        @return: Indices of these, as many as the list has room for.
        """
        all = indices(places)
        try:
            turns = list(self._policy.turns(places))
            if len(turns) > TURNS or not set(turns) <= set(all):
                raise ValueError(f"{turns!r:.100} are no turns of {all}")
        except BaseException:
            self._complain()
            return all
        return turns

    def _complain(self) -> None:
        # Also SystemExit: that a policy says so is no reason to end.
        if self._complaints.isDue():
            log.failure(
                "policy {policy} has failed to say whom the kernel may choose: all, each "
                "with the same chance",
                policy=self._name,
            )
