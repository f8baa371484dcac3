"""
How connections are to reach workers, and what keeps the kernel from choosing whom.
"""

from __future__ import annotations

import sys

from attrs import Factory, frozen
from twisted.logger import Logger

from twisted_cluster.core.counting import mostOf
from twisted_cluster.events import (
    AUTO,
    KERNEL,
    NO_LIMITS,
    SHARED,
    TCP,
    UDP,
    WAIT,
    Dispatch,
    Limits,
    ListenSpec,
)
from twisted_cluster.interfaces import IKernelPolicy, ISchedulingPolicy
from twisted_cluster.primary.ports.binding import Bound
from twisted_cluster.primary.ports.datagrams import DatagramReserve
from twisted_cluster.primary.ports.reserve import LEAST, descriptorsFor
from twisted_cluster.primary.ports.steered import CannotSteerError
from twisted_cluster.primary.ports.streams import StreamGroup

log = Logger()


@frozen
class Dispatching:
    """
    @ivar dispatch: What was asked for.
    @ivar places: How many sockets a listener has among which the kernel chooses.
    @ivar limits: How many connections are served at a time.
    """

    dispatch: Dispatch = Factory(Dispatch)
    places: int = LEAST
    limits: Limits = NO_LIMITS

    def policyOf(
        self, spec: ListenSpec, policy: ISchedulingPolicy | None
    ) -> ISchedulingPolicy | None:
        """
        @return: L{None} where workers have one socket.
        """
        isShared = spec.kind != UDP and self.dispatch.of(str(spec)) == SHARED
        return None if isShared else policy

    def isForKernel(
        self, spec: ListenSpec, policy: ISchedulingPolicy | None, room: int
    ) -> bool:
        """
        Whether the kernel is to choose, as the policy says. If it cannot, the log says
        why.

        @param room: How many descriptors may be taken for it.
        """
        if self.dispatch.of(str(spec)) not in (KERNEL, AUTO) or spec.kind == UDP:
            return False
        if policy is None:
            # They have one socket, by which the kernel chooses whoever is first.
            return False
        why = self._whyNot(spec, policy) or self._whyTooMany(policy, room)
        if why:
            self.refuse(spec, why)
        return not why

    def _whyNot(self, spec: ListenSpec, policy: ISchedulingPolicy) -> str:
        if spec.kind != TCP:
            return "UNIX sockets have no groups"
        if spec.fd is not None or spec.reusePort:
            return "others may have that socket as well"
        if sys.platform != "linux":
            return f"{sys.platform} has no programs that choose"
        if not IKernelPolicy.providedBy(policy):
            return f"the policy has no form in the kernel ({type(policy).__name__})"
        return self._whyCounted(str(spec))

    def _whyTooMany(self, policy: ISchedulingPolicy, room: int) -> str:
        need = descriptorsFor(self.places, IKernelPolicy(policy).readsLoads)
        if need <= room:
            return ""
        return f"it would take {need} descriptors: raise the limit (ulimit -n)"

    def _whyCounted(self, name: str) -> str:
        limits = self.limits
        if limits.address is not None:
            return "the kernel does not count an address's connections"
        if mostOf(limits, name) is not None:
            return "the kernel does not count a port's connections"
        if limits.worker is not None and limits.atLimit != WAIT:
            return f"--at-limit {limits.atLimit} is for the primary to do"
        return ""

    def group(self, bound: Bound, policy: IKernelPolicy) -> StreamGroup | None:
        """
        @param bound: Listens, and others may be bound beside it.
        @return: L{None} if the kernel cannot choose after all; the log says why.
        """
        spec = bound.spec
        try:
            made = StreamGroup(
                bound.socket, policy, self.places, spec.backlog, bound.user
            )
        except (CannotSteerError, OSError) as error:
            self.refuse(spec, str(error))
            return None
        why = f"; {made.instead}" if made.instead else ""
        log.info(
            "{spec}: workers accept, and the kernel chooses ({kind} BPF{why}; "
            "{places} sockets)",
            spec=spec,
            kind=made.kind,
            why=why,
            places=self.places,
        )
        return made

    def peers(self, bound: Bound, room: int, mayLoad: bool) -> DatagramReserve | None:
        """
        @param room: How many descriptors may be taken for it.
        @param mayLoad: Whether a program may be loaded that remembers peers.
        @return: L{None} if it is no UDP port of its own, or no program can choose.
        """
        spec = bound.spec
        if spec.kind != UDP or spec.fd is not None or room < descriptorsFor(self.places):
            return None
        if sys.platform != "linux":
            return None
        try:
            made = DatagramReserve(bound.socket, self.places, bound.user, mayLoad)
        except (CannotSteerError, OSError) as error:
            log.info("{spec}: peers have sockets by a hash: {e}", spec=spec, e=error)
            return None
        log.debug(
            "{spec}: peers have sockets by {kind} BPF ({places} sockets)",
            spec=spec,
            kind=made.kind,
            places=self.places,
        )
        return made

    def refuse(self, spec: ListenSpec, why: str) -> None:
        """
        Say that it is not the kernel that chooses.
        """
        say = log.info if self.dispatch.of(str(spec)) == AUTO else log.warn
        say("{spec}: the primary hands connections over: {why}", spec=spec, why=why)
