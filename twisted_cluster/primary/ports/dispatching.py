"""
How connections are to reach workers, and what keeps the kernel from choosing whom.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

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
from twisted_cluster.primary.ports.keys import isNth
from twisted_cluster.primary.ports.programs import readsLoads
from twisted_cluster.primary.ports.reserve import LEAST, descriptorsFor
from twisted_cluster.primary.ports.steered import CannotSteerError
from twisted_cluster.primary.ports.steered_classic import ClassicSteering
from twisted_cluster.primary.ports.steered_extended import ExtendedSteering
from twisted_cluster.primary.ports.steering import kindFor
from twisted_cluster.primary.ports.streams import StreamGroup

log = Logger()
EXTENDED, CLASSIC = ExtendedSteering.kind, ClassicSteering.kind
PROGRAMS = "classicProgram", "extendedProgram"
BESIDE = "without CAP_BPF others of this user could listen beside it"


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

    def isAuto(self, spec: ListenSpec) -> bool:
        """
        Whether the kernel is to choose only where nothing is lost by that.
        """
        return self.dispatch.of(str(spec)) == AUTO

    def isForKernel(
        self,
        spec: ListenSpec,
        policy: ISchedulingPolicy | None,
        room: int,
        taken: str = "",
    ) -> bool:
        """
        Whether the kernel is to choose, as the policy says. If it cannot, the log says
        why.

        @param room: How many descriptors may be taken for it.
        @param taken: Why there is no room for what workers would count; empty: there is.
        """
        if self.dispatch.of(str(spec)) not in (KERNEL, AUTO) or spec.kind == UDP:
            return False
        if policy is None:
            # They have one socket, by which the kernel chooses whoever is first.
            return False
        why = (
            self._whyNot(spec, policy)
            or taken
            or self._whyTooMany(policy, room)
            or self._whyNoProgram(spec, policy)
        )
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
            return f"the policy has no form in the kernel ({_nameOf(policy)})"
        if isOverridden(policy):
            return f"the policy chooses otherwise than its programs ({_nameOf(policy)})"
        return self._whyCounted(str(spec))

    def _whyTooMany(self, policy: ISchedulingPolicy, room: int) -> str:
        need = descriptorsFor(self.places, readsLoads(policy))
        if need <= room:
            return ""
        return f"it would take {need} descriptors: raise the limit (ulimit -n)"

    def _whyNoProgram(self, spec: ListenSpec, policy: ISchedulingPolicy) -> str:
        # First what is known without trying.
        steered = IKernelPolicy(policy)
        known = {self._whyLess(spec, steered, kind) for kind in (EXTENDED, CLASSIC)}
        if "" not in known:
            return "; ".join(sorted(known))
        try:
            return self._whyLess(spec, steered, kindFor(steered))
        except (CannotSteerError, OSError) as error:
            return str(error)

    def _whyLess(self, spec: ListenSpec, policy: IKernelPolicy, kind: str) -> str:
        """
        @return: What would be lost, where nothing is to be.
        """
        if not self.isAuto(spec):
            return ""
        if self.limits.any:
            # A worker that counts itself lets one port have all its places.
            return "connections are limited"
        isDual = spec.interface == "::" and not spec.ipv6Only
        if kind == CLASSIC and isDual:
            return BESIDE
        try:
            return policy.lacks(kind) or ""
        except BaseException as error:
            # Also SystemExit, as where it is asked for its programs.
            return f"policy {_nameOf(policy)} failed: {error!r}"

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
        if self.isAuto(spec) and made.kind == CLASSIC and not made.isClosed:
            # As on 0.0.0.0 where the kernel knows no IPv6.
            made.close()
            self.refuse(spec, BESIDE)
            return None
        why = f"; {made.instead}" if made.instead else ""
        say = log.debug if isNth(spec) else log.info
        say(
            "{spec}: workers accept, and the kernel chooses ({kind} BPF{why}; "
            "{places} sockets)",
            spec=spec,
            kind=made.kind,
            why=why,
            places=self.places,
        )
        return made

    def mayReserve(self, spec: ListenSpec, room: int) -> bool:
        """
        Whether it is a UDP port of its own, among whose sockets a program could choose.

        @param room: How many descriptors may be taken for it.
        """
        isOwn = spec.kind == UDP and spec.fd is None and sys.platform == "linux"
        return isOwn and room >= descriptorsFor(self.places)

    def peers(self, bound: Bound, mayLoad: bool) -> DatagramReserve | None:
        """
        @param mayLoad: Whether a program may be loaded that remembers peers.
        @return: L{None} if no program can choose: then the socket may be hidden by now,
            or chosen for all.
        """
        spec = bound.spec
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

    def follow(
        self,
        spec: ListenSpec,
        policy: ISchedulingPolicy,
        group: StreamGroup,
        why: str = "",
    ) -> None:
        """
        Another policy is to choose. Where the kernel cannot, the primary hands over from
        now on; the log says why.

        @param why: What is in its way besides.
        """
        why = why or self._whyNot(spec, policy)
        if not why:
            try:
                steered = IKernelPolicy(policy)
                why = self._whyLess(spec, steered, group.kind)
                isCounted = group.counts or not readsLoads(steered)
                if self.isAuto(spec) and not isCounted:
                    why = why or "workers do not count there what they close"
                if not why:
                    group.follow(steered)
            except (CannotSteerError, OSError) as error:
                why = str(error)
        group.isSteering, before = not why, group.isSteering
        if why:
            self.refuse(spec, why)
        elif not before:
            log.info("{spec}: the kernel chooses again", spec=spec)

    def refuse(self, spec: ListenSpec, why: str) -> None:
        """
        Say that it is not the kernel that chooses.
        """
        # A worker may open a port for each of its clients (FTP).
        quiet = log.debug if isNth(spec) else log.info
        say = quiet if self.isAuto(spec) else log.warn
        say("{spec}: the primary hands connections over: {why}", spec=spec, why=why)


def isOverridden(policy: ISchedulingPolicy) -> bool:
    """
    Whether a policy is a class of which one that it is made from knows the programs, but
    not how this one chooses.
    """
    kinds = type(policy).__mro__
    return _whoHas(kinds, "choose") < min(_whoHas(kinds, name) for name in PROGRAMS)


def _whoHas(kinds: Sequence[type], name: str) -> int:
    return next((at for at, kind in enumerate(kinds) if name in vars(kind)), 0)


def _nameOf(policy: ISchedulingPolicy) -> str:
    return type(policy).__name__
