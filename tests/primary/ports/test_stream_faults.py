"""
Ports whose workers accept themselves, where something goes wrong: workers that break what
they have, policies that fail, a system that refuses.
"""

from __future__ import annotations

import errno
import gc
import os
import resource
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from threading import Event

import pytest

from tests.primary.ports.streams import (
    ASKED,
    MANY,
    SPEC,
    clients,
    close,
    come,
    drain,
    groupOf,
    joined,
    look,
    primary,
    waitingFor,
)
from tests.primary.primary import Primary
from tests.process.cluster import environment, eventually
from tests.process.somebody import asRoot
from twisted_cluster.core.messages import HANDOFF, KERNEL
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.primary.door.door import MORE_BOUNCES
from twisted_cluster.primary.door.helm import Helm
from twisted_cluster.primary.ports import listener as listeners
from twisted_cluster.primary.ports import reserve, steered_classic, steered_extended
from twisted_cluster.primary.ports.refusing import (
    NOWHERE,
    SO_BINDTOIFINDEX,
    hasWaiting,
    refuse,
)
from twisted_cluster.primary.ports.reserve import BESIDE, LEAST
from twisted_cluster.primary.ports.steered_classic import ClassicSteering
from twisted_cluster.steering import classic
from twisted_cluster.steering.classic import ret
from twisted_cluster.wire.aside import Aside
from twisted_cluster.wire.backlog import backlogOf
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.limit import openDescriptors
from twisted_cluster.wire.reuseport import attachClassic

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has such groups")
__all__ = ["clients", "primary"]


def test_whatIsHarmedOfOneThatSeveralHave(primary: Primary) -> None:
    """
    It is nobody's any more, and said once; and looking goes on.
    """
    listener, workers = joined(primary, 2)
    group = groupOf(listener)
    group._free.clear()
    group._count = 1 << 20
    third = primary.newWorker()
    primary.join(third, SPEC)
    shared = group.members[third.id]
    having = {one.id for one in workers if group.members[one.id] is shared} | {third.id}
    shared.listen(0)
    found: dict[int, set[int]] = {}
    for _ in range(1000):
        found = found or group.look()
        select.select([], [], [], 0.0 if found else 0.001)
    assert set().union(*found.values()) == having
    assert len(found) == 2
    assert having.isdisjoint(group.members)


def test_whatWasBrokenByWhoIsGoneIsNobodys(primary: Primary) -> None:
    """
    What a worker has started may have its socket still: what that shuts down nobody is
    given, and its place another has.
    """
    listener, [old] = joined(primary, 1)
    new = primary.newWorker(number=1)
    primary.join(new, SPEC)
    group = groupOf(listener)
    first, second = group.members[old.id], group.members[new.id]
    places = len(group.sockets)
    for one in (old, new):
        primary.door.forget(one)
        primary.table.forget(one)
    # One waits for the slot's next worker, the other for anybody.
    for broken in (first, second):
        broken.shutdown(socket.SHUT_RD)
    look(primary, [])
    assert group.look() == {}
    assert {first, second}.isdisjoint(group.sockets)
    workers = [primary.newWorker() for _ in range(places)]
    for worker in workers:
        primary.join(worker, SPEC)
    look(primary, workers)
    assert len(set(group.members.values())) == places
    assert set(group._indices.values()) == set(range(places))


def test_whoHasBrokenAFreeOneHasNoOther(primary: Primary) -> None:
    """
    One that was somebody's is looked at before it is given to another.
    """
    listener, [old] = joined(primary, 1)
    new = primary.newWorker(number=1)
    primary.join(new, SPEC)
    group = groupOf(listener)
    harmed = group.members[new.id]
    for one in (old, new):
        primary.table.forget(one)
    harmed.listen(0)
    for number in range(2, 2 + LEAST):
        primary.join(primary.newWorker(number=number), SPEC)
    assert harmed not in group.members.values()


def test_whoTakesLongHoldsNobodyElseUp(primary: Primary, clients: ExitStack) -> None:
    """
    A worker may have its socket block, and be faster: whoever then waits for one to come
    there waits for that socket alone.
    """
    listener, workers = joined(primary, 3)
    first, second = (groupOf(listener).members[one.id] for one in workers[:2])
    come(clients, listener)
    helm = primary.gate(listener)._helm
    assert isinstance(helm, Helm)
    stuck: Aside[list[Handed]] = Aside(partial(_blocked, first))
    primary.door.leave(workers[0])
    helm._taking[first] = stuck
    groupOf(listener).unaccepted.hold(first, True)
    primary.door.leave(workers[1])
    drain(primary, listener)
    assert hasWaiting(first)
    assert not hasWaiting(second)
    # It is woken by the next one that comes there.
    _TAKEN.set()
    eventually(lambda: stuck.isDone(), "it is over")
    primary.reactor.advance(0.02)
    drain(primary, listener)
    assert not hasWaiting(first)


def test_whatCannotBeTakenEndsNoPort(primary: Primary) -> None:
    """
    That nobody could be accepted from a socket is no reason not to be closed.
    """
    listener, workers = joined(primary, 1)
    helm = primary.gate(listener)._helm
    assert isinstance(helm, Helm)
    failed: Aside[list[Handed]] = Aside(_fail)
    eventually(failed.isDone, "it has failed")
    helm._taking[groupOf(listener).members[workers[0].id]] = failed
    helm.close()
    assert not helm.isBusy


def _fail() -> list[Handed]:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


_TAKEN = Event()


def _blocked(listening: socket.socket) -> list[Handed]:
    _TAKEN.wait(20)
    return []


def test_whatTheKernelRefusesIsHandedOver(
    clients: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A program that is too long for the system, say: nobody is chosen until it has one that
    it takes, and who waits at sockets that nobody has is served.
    """
    monkeypatch.setattr(reserve, "steer", ClassicSteering)
    primary = Primary(RandomChoice, dispatching=ASKED)
    listener, workers = joined(primary, 3)
    come(clients, listener)
    waited = waitingFor(listener)[1]
    with monkeypatch.context() as patch:
        patch.setattr(steered_classic, "attachClassic", _tooLong)
        primary.door.forget(workers[0])
        primary.table.forget(workers[0])
        drain(primary, listener)
        assert close(primary, workers[1:]) == waited
        before = waitingFor(listener)
        come(clients, listener)
        assert waitingFor(listener) == before
        assert backlogOf(listener.socket) == MANY
    look(primary, workers[1:])
    come(clients, listener)
    assert sum(waitingFor(listener).values()) == sum(before.values()) + MANY
    primary.close()


def _tooLong(member: socket.socket, program: bytes) -> None:
    if len(program) > len(classic.assemble([ret(0)])):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    attachClassic(member, program)


@pytest.mark.parametrize("free", [3, 6, 9, 10, 12, 20, 28])
def test_nothingIsLeftWhereDescriptorsAreFew(free: int) -> None:
    """
    However far it comes until none is free.
    """
    with ExitStack() as stack:
        primary = Primary(LeastConnections, dispatching=ASKED)
        stack.callback(primary.close)
        worker = primary.newWorker()
        # What other tests have left is not to go meanwhile.
        gc.collect()
        before = set(openDescriptors())
        numbers = [os.dup(0) for _ in range(free)]
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        for number in numbers:
            os.close(number)
        with suppress(OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(numbers) + 1, limits[1]))
            try:
                primary.join(worker, SPEC)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        primary.table.leave(worker, 1)
        gc.collect()
        assert set(openDescriptors()) <= before


def test_whoComesBackOftenIsServed(primary: Primary) -> None:
    """
    Workers that accept as well may be full by the time that they have what they are
    given, again and again.
    """
    listener, [worker] = joined(primary, 1)
    client, ours = socket.socketpair()
    with client:
        name = ("127.0.0.1", 1)
        often = Handed(ours.detach(), listener.number, name, MORE_BOUNCES - 1)
        primary.door.redirect([often])
        assert close(primary, [worker]) == 1


def test_descriptorsAreLeftToOthers(primary: Primary) -> None:
    """
    A port takes many: where there are few, or many ports have them, connections are
    handed over; and it is known how many it has.
    """
    worker = primary.newWorker()
    before = len(openDescriptors())
    primary.table.newPolicy = LeastConnections
    with _limit(max(before + 200, 400)):
        listeners = [primary.join(worker, SPEC, n) for n in range(4)]
    assert listeners[0].mode == KERNEL
    assert listeners[-1].mode == HANDOFF
    taken = len(openDescriptors()) - before
    known = sum(one.sockets for one in listeners)
    assert taken <= known <= taken + 3 * BESIDE


@contextmanager
def _limit(most: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


BESIDE_ALL = """
import socket
from twisted_cluster.primary.ports.guard import Guard

def bound(port):
    made = socket.socket()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        made.setsockopt(socket.SOL_SOCKET, option, 1)
    made.bind(("0.0.0.0", port))
    made.listen()
    return made

first = bound(0)
port = first.getsockname()[1]
second = bound(port)
guard = Guard(first)
guard.shut()
try:
    bound(port)
except OSError as error:
    print(error.errno)
"""


@asRoot
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_nobodyJoinsWhereThereIsNoIPv6() -> None:
    """
    Also where only IPv4 has addresses: here nothing else has one yet.
    """
    under = ["unshare", "--net", sys.executable, "-c", BESIDE_ALL]
    run = subprocess.run(under, env=environment(), capture_output=True, timeout=30)
    assert run.stdout.decode().split() == [str(errno.EADDRINUSE)], run.stderr


def test_whereNobodyTellsWhoWaits(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A policy that goes by what workers have to do is the primary's.
    """
    monkeypatch.setattr(steered_extended, "waitingAt", _tellNothing)
    primary = Primary(LeastConnections, dispatching=ASKED)
    assert primary.join(primary.newWorker(), SPEC).mode == HANDOFF
    primary.close()


def _tellNothing(family: int, port: int) -> dict[int, int]:
    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))


def test_whoKeepsOneLockedAtTheEnd(
    primary: Primary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    By the others who comes is refused all the same, and that is nobody's harm.
    """
    listener, workers = joined(primary, 2)
    locked = groupOf(listener).members[workers[0].id]

    def refuseOthers(listening: socket.socket, mayShutDown: bool) -> bool:
        if listening is locked:
            raise TimeoutError("it is locked")
        return refuse(listening, mayShutDown)

    monkeypatch.setattr(listeners, "refuse", refuseOthers)
    listener.refuse()
    assert listener.isChanged
    assert not listener.isRefusing
    others = [one for one in groupOf(listener).sockets if one is not locked]
    nowhere = (socket.SOL_SOCKET, SO_BINDTOIFINDEX)
    assert {one.getsockopt(*nowhere) for one in others} == {NOWHERE}
