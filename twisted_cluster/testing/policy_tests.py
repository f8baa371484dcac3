"""
What every policy must keep, as tests to mix in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from statistics import median
from time import perf_counter

from attrs import evolve
from zope.interface.verify import verifyObject

from twisted_cluster.events import ConnectionFacts, Look
from twisted_cluster.interfaces import (
    LONGEST_FAREWELL,
    IFarewellPolicy,
    IGroupingPolicy,
    IKernelPolicy,
    ILiningPolicy,
    ILookingPolicy,
    ILoyalPolicy,
    ISchedulingPolicy,
    IWorkerLoad,
)
from twisted_cluster.testing.claims import claim
from twisted_cluster.testing.facts import (
    WorkerLoad,
    clientAddress,
    connectionFrom,
    idleWorkers,
)
from twisted_cluster.testing.first_bytes import clientHello, httpHead, proxyHeader
from twisted_cluster.testing.kernel import SOME_PLACES, claimSteers
from twisted_cluster.testing.peers import anyFirstBytes, anyPeers, anyWorkers

# Enough for shares to be told from chance, few enough to take no time.
MANY = 1000
MILLISECOND = 0.001
# What only a policy that says so is asked for.
OPTIONAL = {
    "enough": ILookingPolicy,
    "look": ILookingPolicy,
    "groups": IGroupingPolicy,
    "farewell": IFarewellPolicy,
    "lineOf": ILiningPolicy,
    "readsLoads": IKernelPolicy,
    "sharesByTurns": IKernelPolicy,
    "classicProgram": IKernelPolicy,
    "extendedProgram": IKernelPolicy,
    "turns": IKernelPolicy,
    "lacks": IKernelPolicy,
}


class PolicyTestsMixin:
    """
    Tests of a policy, for a C{TestCase} of trial or unittest, or a class of pytest's::

        class ByPortTests(PolicyTestsMixin, TestCase):
            def makePolicy(self):
                return ByPort()

    @cvar evenness: How many times its even share any worker may get of many
        connections from many clients, while all workers are alike; L{None} for a
        policy that does not aim at this.
    @cvar repeatable: Whether two policies that were made alike choose alike.
    @cvar costLimit: What a choice may take, in seconds, as the median; beyond a
        millisecond the mechanism chooses by itself.
    """

    evenness: float | None = 1.25
    repeatable: bool = True
    costLimit: float = MILLISECOND

    def makePolicy(self) -> ISchedulingPolicy | None:
        """
        To be overridden.

        @return: A new policy; one that makes use of chance, with a fixed seed.
        """
        raise NotImplementedError("makePolicy() is to return the policy to be tested")

    def makeWorkers(self, count: int) -> list[WorkerLoad]:
        """
        May be overridden, for a policy that needs weights or groups.

        @return: Idle workers.
        """
        groups = sorted(getattr(self._make(), "groups", ())) or [""]
        return [
            evolve(worker, group=groups[worker.number % len(groups)])
            for worker in idleWorkers(count)
        ]

    def makeConnections(self, count: int) -> list[ConnectionFacts]:
        """
        May be overridden, for a policy that wants to see something in particular.

        @return: Connections of as many clients.
        """
        first = httpHead() if self._look() else b""
        return [
            connectionFrom(clientAddress(n), 32768 + n * 7919 % 28232, first=first)
            for n in range(count)
        ]

    def test_providesWhatItSays(self) -> None:
        """
        The policy provides the interfaces that it names, and names those that it needs.
        """
        policy = self._make()
        verifyObject(ISchedulingPolicy, policy)
        for interface in (ILoyalPolicy, *OPTIONAL.values()):
            if interface.providedBy(policy):
                verifyObject(interface, policy)
        for name, interface in OPTIONAL.items():
            claim(
                interface.providedBy(policy) or not hasattr(policy, name),
                f"{policy!r} has {name!r}, but does not say that it provides "
                f"{interface.__name__}",
            )

    def test_itsProgramsChooseWhoMayBe(self) -> None:
        """
        What the kernel is to run for the policy ends, and chooses only who may be chosen.
        """
        policy = self._make()
        if IKernelPolicy.providedBy(policy):
            for places in SOME_PLACES:
                claimSteers(policy, places)

    def test_valuesAreWithinTheirLimits(self) -> None:
        """
        What the mechanism asks of the policy beside C{choose} is of the right kind.
        """
        policy = self._make()
        if ILookingPolicy.providedBy(policy):
            look = policy.look
            claim(look is None or isinstance(look, Look), f"look is {look!r}")
        if IGroupingPolicy.providedBy(policy):
            groups = policy.groups
            claim(
                not isinstance(groups, str) and all(isinstance(g, str) for g in groups),
                f"groups is {groups!r}, which is no collection of names",
            )
        for connection in _andOthers(self.makeConnections(100), Random(1)):
            if IFarewellPolicy.providedBy(policy):
                said = policy.farewell(connection)
                claim(
                    isinstance(said, bytes) and len(said) <= LONGEST_FAREWELL,
                    f"farewell() said {said!r}: at most {LONGEST_FAREWELL} bytes",
                )
            if ILiningPolicy.providedBy(policy):
                line = policy.lineOf(connection)
                claim(
                    line is None or isinstance(line, str),
                    f"lineOf() said {line!r}, which is no name",
                )

    def test_choosesOneOfThoseGiven(self) -> None:
        """
        Whoever comes and goes, however busy: the policy chooses one of those that it
        was given, or none.
        """
        workers, connections = self.makeWorkers(16), self.makeConnections(100)
        for seed in range(5):
            random, policy = Random(seed), self._make()
            for connection in _andOthers(connections, random):
                self._choose(policy, connection, anyWorkers(workers, random))

    def test_idleWorkersServe(self) -> None:
        """
        While nobody has anything to do, connections do not wait for ever.
        """
        policy, ready = self._make(), self.makeWorkers(8)
        chosen = (self._choose(policy, c, ready) for c in self.makeConnections(100))
        claim(any(chosen), "8 idle workers, 100 connections: all are left to wait")

    def test_isEven(self) -> None:
        """
        Workers that are alike get about as much, while connections come and go.
        """
        if self.evenness is None:
            return
        served = Counter(self._serve(self._make(), self.makeWorkers(4)))
        most = max(served.values(), default=0)
        limit = self.evenness * MANY / 4
        claim(
            most <= limit,
            f"of {MANY} connections one of 4 workers got {most}, more than {limit:.0f} "
            f"(evenness={self.evenness}); by number: {dict(sorted(served.items()))}",
        )

    def test_repeatsItself(self) -> None:
        """
        The same, asked in the same order, gets the same answers.
        """
        if not self.repeatable:
            return
        one, other = (
            list(self._serve(self._make(), self.makeWorkers(4))) for _ in range(2)
        )
        claim(one == other, "two policies that were made alike chose differently")

    def test_isCheap(self) -> None:
        """
        A choice takes less than the mechanism allows.
        """
        connections, name = self.makeConnections(200), type(self._make()).__name__
        for count in (2, 16, 64):
            ready = tuple(self.makeWorkers(count))
            cost = min(self._cost(connections, ready) for _ in range(5))
            says = f"{cost * 1e6:.2f} us per choice among {count} workers"
            print(f"{name}: {says}")
            limit = f"the limit is {self.costLimit * 1e6:.0f} us"
            claim(cost <= self.costLimit, f"{says}; {limit}")

    def test_firstBytesMayBeAnything(self) -> None:
        """
        Whatever a client sends, in whatever pieces, no error comes of it.
        """
        look, policy = self._look(), self._make()
        if look is None:
            return
        assert ILookingPolicy.providedBy(policy)
        samples = [httpHead(), clientHello(), proxyHeader("192.0.2.1") + httpHead()]
        samples += [connection.first for connection in self.makeConnections(3)]
        ready = self.makeWorkers(4)
        for first in anyFirstBytes(samples, look.limit, Random(1)):
            if first:
                said = policy.enough(first)
                claim(isinstance(said, bool), f"enough({first!r}) returned {said!r}")
            self._choose(policy, connectionFrom(first=first), ready)

    def _make(self) -> ISchedulingPolicy:
        policy = self.makePolicy()
        if policy is None:
            raise AssertionError("no policy: the choice is left to the kernel")
        return policy

    def _look(self) -> Look | None:
        policy = self._make()
        return policy.look if ILookingPolicy.providedBy(policy) else None

    def _choose(
        self,
        policy: ISchedulingPolicy,
        connection: ConnectionFacts,
        ready: Sequence[IWorkerLoad],
    ) -> IWorkerLoad | None:
        chosen = policy.choose(connection, tuple(ready))
        if chosen is not None and not any(chosen is worker for worker in ready):
            raise AssertionError(
                f"{policy!r} chose {chosen!r}, which is none of those it was given, "
                f"numbers {_numbers(ready)}"
            )
        return chosen

    def _serve(
        self, policy: ISchedulingPolicy, workers: Sequence[WorkerLoad]
    ) -> Iterator[int]:
        """
        Connections come; each ends after some others have come.

        @return: The numbers of those that were chosen.
        """
        ready, open_ = list(workers), list[int]()
        place = {worker.number: index for index, worker in enumerate(ready)}
        random = Random(1)
        for connection in self.makeConnections(MANY):
            chosen = self._choose(policy, connection, ready)
            if chosen is not None:
                index = place[chosen.number]
                ready[index] = evolve(ready[index], active=ready[index].active + 1)
                open_.append(index)
                yield chosen.number
            if len(open_) > 2 * len(ready):
                index = open_.pop(random.randrange(len(open_)))
                ready[index] = evolve(ready[index], active=ready[index].active - 1)

    def _cost(
        self, connections: Sequence[ConnectionFacts], ready: Sequence[IWorkerLoad]
    ) -> float:
        """
        @return: The median of many choices, in seconds.
        """
        policy, taken = self._make(), []
        for connection in connections:
            begun = perf_counter()
            policy.choose(connection, ready)
            taken.append(perf_counter() - begun)
        return median(taken)


def _andOthers(
    connections: Sequence[ConnectionFacts], random: Random
) -> Iterator[ConnectionFacts]:
    """
    Connections, and such as a policy may not have thought of.
    """
    for connection in connections:
        yield connection
        yield connection._replace(peerName=next(anyPeers(random)))


def _numbers(workers: Sequence[IWorkerLoad]) -> list[int]:
    return [worker.number for worker in workers]
