"""
Programs in the kernel, and real connections on loopback.
"""

from __future__ import annotations

import errno
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from typing import NoReturn

import pytest
from attrs import define

from tests.primary.ports.streams import mayLoad
from tests.steering.groups import Listening, headerOf, listening
from twisted_cluster.interfaces import IKernelPolicy
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.policies.power_of_two import PowerOfTwo
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.policies.sticky import makeSticky
from twisted_cluster.policies.weighted import Weighted
from twisted_cluster.primary.ports.steered import CannotSteerError, Served, Steering
from twisted_cluster.primary.ports.steered_classic import ClassicSteering
from twisted_cluster.primary.ports.steered_extended import COUNTED, ExtendedSteering
from twisted_cluster.primary.ports.steering import steer
from twisted_cluster.steering.board import Board
from twisted_cluster.steering.classic import assemble, ret
from twisted_cluster.steering.hashing import ofAddress
from twisted_cluster.steering.places import Place
from twisted_cluster.testing.extended_machine import ExtendedMachine
from twisted_cluster.wire import bpf
from twisted_cluster.wire.closings import Closings
from twisted_cluster.wire.reuseport import attachClassic, detach

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has such programs"
)
COUNT = 4
NewPolicy = Callable[[], IKernelPolicy]
CLASSIC: tuple[NewPolicy, ...] = (
    RandomChoice,
    Weighted,
    lambda: makeSticky(by="address"),
)
EXTENDED: tuple[NewPolicy, ...] = (*CLASSIC, RoundRobin, LeastConnections, PowerOfTwo)
KINDS = [
    *((ClassicSteering, policy) for policy in CLASSIC),
    *((ExtendedSteering, policy) for policy in EXTENDED),
]
Kind = type[ClassicSteering] | type[ExtendedSteering]


@define
class Steered:
    """
    A group that is steered. The anchor is the last of what its C{group} has.
    """

    group: Listening
    steering: Steering
    accepted: Counter[int]

    def allow(self, *indices: int) -> None:
        self.steering.allow([Place(index) for index in indices])

    def chosen(self, times: int) -> Counter[int]:
        return self.group.chosen(times)

    def reckon(self, now: float, active: dict[int, int]) -> None:
        self.steering.reckon(
            {
                index: Served(active.get(index, 0), self.accepted[index])
                for index in range(COUNT)
            },
            now,
        )


Make = Callable[[Kind, NewPolicy], Steered]


@pytest.fixture
def make() -> Iterator[Make]:
    """
    Makes one of which all may be chosen.
    """
    with ExitStack() as stack:

        def made(kind: Kind, policy: NewPolicy) -> Steered:
            if kind is ExtendedSteering and not mayLoad():
                pytest.skip("needs CAP_BPF")
            group = stack.enter_context(listening(COUNT + 1))
            anchor = group.sockets.pop(0)
            steering = kind(policy(), anchor)
            stack.callback(steering.close)
            for index, member in enumerate(group.sockets):
                steering.add(index, member)
            group.sockets.append(anchor)
            steered = Steered(group, steering, Counter())
            steered.allow(*range(COUNT))
            return steered

        yield made


@pytest.mark.parametrize(("kind", "policy"), KINDS)
def test_whoIsExcludedGetsNothing(make: Make, kind: Kind, policy: NewPolicy) -> None:
    """
    Only who may be chosen is, at once; and if nobody may, whoever comes waits.
    """
    steered = make(kind, policy)
    for allowed in ([0, 1, 2, 3], [1, 3], [2], [0, 3]):
        steered.allow(*allowed)
        assert set(steered.chosen(20)) <= set(allowed)
    steered.allow()
    assert steered.chosen(5) == {COUNT: 5}


@pytest.mark.parametrize(
    ("kind", "policy"), [(ClassicSteering, RandomChoice), (ExtendedSteering, RoundRobin)]
)
def test_nobodyElseAttachesPrograms(make: Make, kind: Kind, policy: NewPolicy) -> None:
    """
    Who has a socket of the group cannot say who is chosen; if the program is detached
    by it, it chooses again as soon as it is attached.
    """
    steered = make(kind, policy)
    steered.allow(1, 2)
    for member in steered.group.sockets[:COUNT]:
        with pytest.raises(PermissionError):
            attachClassic(member, assemble([ret(0)]))
    detach(steered.group.sockets[0])
    steered.steering.attach()
    assert set(steered.chosen(20)) == {1, 2}


@pytest.mark.parametrize(
    ("kind", "policy"), [(ClassicSteering, RandomChoice), (ExtendedSteering, RoundRobin)]
)
def test_whoCeasesToListenMovesNobody(make: Make, kind: Kind, policy: NewPolicy) -> None:
    """
    A socket that is shut down, and then listens again, changes nothing for the others
    once that is known.
    """
    steered = make(kind, policy)
    first = steered.group.sockets[0]
    first.shutdown(socket.SHUT_RD)
    steered.steering.remove(0)
    for index in (1, 2, 3):
        steered.allow(index)
        assert steered.chosen(5) == {index: 5}
    first.listen(10)
    steered.steering.add(0, first)
    for index in range(COUNT):
        steered.allow(index)
        assert steered.chosen(5) == {index: 5}


def test_whatIsShutDownIsNotChosen(make: Make) -> None:
    """
    An extended program passes a socket that listens no more, also before anybody knows.
    """
    steered = make(ExtendedSteering, RoundRobin)
    steered.group.sockets[0].shutdown(socket.SHUT_RD)
    found = steered.chosen(100)
    assert found.total() == 100
    assert set(found) <= {1, 2, 3, COUNT}


@pytest.mark.parametrize("policy", [RoundRobin, LeastConnections])
def test_balanceIsExact(make: Make, policy: NewPolicy) -> None:
    """
    Clients one after the other, and a burst of them, are spread as evenly as they can
    be.
    """
    steered = make(ExtendedSteering, policy)
    found = steered.chosen(102)
    assert max(found.values()) - min(found.values()) <= 1
    with ExitStack() as stack:
        for _ in range(101):
            stack.enter_context(steered.group.connect())
        found = Counter(steered.group.taken())
    assert max(found.values()) - min(found.values()) <= 1
    assert found.total() == 101


def test_weightsAreKept(make: Make) -> None:
    """
    Who weighs three times as much has three times as many, exactly.
    """
    steered = make(ExtendedSteering, Weighted)
    steered.steering.allow([Place(0, 3), Place(1, 1), Place(2, 0)])
    assert steered.chosen(40) == {0: 30, 1: 10}


def test_whoHasMoreToDoGetsLess(make: Make) -> None:
    """
    What a worker serves counts, and so does who waits for it.
    """
    steered = make(ExtendedSteering, LeastConnections)
    steered.reckon(0.0, {0: 10, 1: 4})
    assert steered.chosen(20) == {1: 4, 2: 8, 3: 8}


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.skipif(not mayLoad(), reason="needs CAP_BPF")
def test_theKernelReadsAddressesAsTheMachineDoes(family: int) -> None:
    """
    A client has the same socket in the kernel and in the machine, also where IPv6
    listens for it.
    """
    machine = ExtendedMachine(range(COUNT))
    Board(machine.board).setTurns(range(COUNT))
    anywhere = "" if family == socket.AF_INET else "::"
    with listening(COUNT + 1, family, anywhere) as group:
        steering = ExtendedSteering(makeSticky(by="address"), group.sockets.pop(0))
        for index, member in enumerate(group.sockets):
            steering.add(index, member)
        steering.allow([Place(index) for index in range(COUNT)])
        group.address = ("127.0.0.1", group.address[1])
        for number in range(1, 20):
            source = f"127.0.1.{number}"
            machine.network = headerOf(ip_address(source))
            assert group.chosen(1, source) == {machine.run(ofAddress()): 1}
        steering.close()


def test_whatIsClosedIsKnownAtOnce(make: Make) -> None:
    """
    A worker says what it has closed, and is chosen again before the primary tells.
    """
    steered = make(ExtendedSteering, LeastConnections)
    steered.reckon(0.0, {0: 9, 1: 5, 2: 5, 3: 5})
    fd = steered.steering.newClosings(0)
    assert fd is not None
    closings = Closings(fd)
    for _ in range(8):
        closings.add()
    assert steered.chosen(4) == {0: 4}
    steered.accepted[0] += 4
    steered.reckon(1.0, {0: 1, 1: 5, 2: 5, 3: 5})
    assert steered.chosen(4) == {0: 4}


def test_whatIsClosedWhileItIsReckonedDoesNotStay(make: Make) -> None:
    """
    It was served still when that was looked at.
    """
    steered = make(ExtendedSteering, LeastConnections)
    fd = steered.steering.newClosings(0)
    assert fd is not None
    steered.steering.noteClosings()
    Closings(fd).add()
    steered.reckon(0.0, {0: 1, 1: 1, 2: 1, 3: 1})
    assert steered.chosen(1) == {0: 1}


def test_whoHadTheSocketBeforeCountsNoMore(make: Make) -> None:
    """
    Neither for its successor, nor where the system has no count for that one.
    """
    steered = make(ExtendedSteering, LeastConnections)
    steering = steered.steering
    before = steering.newClosings(0)
    assert before is not None
    old = Closings(before)
    fd = steering.newClosings(0)
    assert fd is not None
    steered.reckon(0.0, {0: 9, 1: 5, 2: 5, 3: 5})
    for _ in range(8):
        old.add()
    assert steered.chosen(4)[0] == 0
    new = Closings(fd)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bpf, "makeBoard", _refused)
        assert steering.newClosings(0) is None
    steered.reckon(1.0, {0: 9, 1: 5, 2: 5, 3: 5})
    for _ in range(8):
        new.add()
    assert steered.chosen(4)[0] == 0


def test_whereOneCannotCountNobodyDoes(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Who counts what it closes would be free sooner than one that does not, and be given
    nearly everything.
    """
    steered = make(ExtendedSteering, LeastConnections)
    fds = [steered.steering.newClosings(index) for index in (0, 1)]
    counting = [Closings(fd) for fd in fds if fd is not None]
    assert len(counting) == 2
    steered.reckon(0.0, {0: 7, 1: 4, 2: 5, 3: 5})
    monkeypatch.setattr(bpf, "makeBoard", _refused)
    counting[1].add()
    assert steered.steering.newClosings(0) is None
    for _ in range(7):
        counting[1].add()
    assert steered.steering.newClosings(2) is None
    # What was closed before that stays known.
    assert steered.chosen(4) == {1: 2, 2: 1, 3: 1}


def test_nobodyCountsWhereThatComesLate(make: Make) -> None:
    """
    Workers that are there already when the policy is changed to one that asks for it do
    not count; so those that come do not either.
    """
    steered = make(ExtendedSteering, RoundRobin)
    steered.steering.change(LeastConnections())
    steered.reckon(0.0, {0: 9, 1: 5, 2: 5, 3: 5})
    assert steered.steering.newClosings(0) is None


def _refused(size: int) -> NoReturn:
    raise PermissionError(errno.EPERM, "not now")


def test_whyNot() -> None:
    """
    What stands in the way is said.
    """
    with listening(1) as alone, pytest.raises(CannotSteerError) as raised:
        steer(makeSticky(by="cookie", name="session"), alone.sockets[0])
    assert "extended" in str(raised.value)


@pytest.mark.skipif(not mayLoad(), reason="needs CAP_BPF")
@pytest.mark.parametrize("isOld", [False, True])
def test_closingsAreCountableForAllAtOnce(
    monkeypatch: pytest.MonkeyPatch, isOld: bool
) -> None:
    """
    It takes some milliseconds, for which the primary does nothing else: once for so many
    sockets, where the kernel can do that.
    """
    asked: list[int] = []
    ask = bpf._bpf

    def note(command: int, attributes: bytes) -> int:
        asked.append(command)
        if isOld and command == bpf.MAP_UPDATE_BATCH:
            raise OSError(524, "not supported")
        return ask(command, attributes)

    monkeypatch.setattr(bpf, "_bpf", note)
    with listening(COUNTED + 1) as group:
        steering = ExtendedSteering(LeastConnections(), group.sockets.pop(0))
        for index, member in enumerate(group.sockets):
            steering.add(index, member)
            assert steering.newClosings(index) is not None
        assert asked.count(bpf.MAP_UPDATE_BATCH) == 1
        # Each socket is put by itself, with the anchor.
        assert asked.count(bpf.MAP_UPDATE) == COUNTED + 1 + (COUNTED if isOld else 0)
        steering.close()
