"""
A primary whose workers accept, each from a socket of its own, and its clients.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.primary.primary import Primary, connect, taken
from tests.process.cluster import eventually
from twisted_cluster.events import TCP, Dispatch, ListenSpec
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.door.helm import Helm
from twisted_cluster.primary.ports.dispatching import Dispatching
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.steered import CannotSteerError
from twisted_cluster.primary.ports.steered_extended import ExtendedSteering
from twisted_cluster.primary.ports.steering import kindFor
from twisted_cluster.primary.ports.streams import StreamGroup
from twisted_cluster.wire.backlog import backlogOf

SPEC = ListenSpec(TCP, "127.0.0.1", 0, backlog=500)
ASKED = Dispatching(Dispatch("kernel"))
MANY = 60


@cache
def mayLoad() -> bool:
    """
    Whether the kernel would have an extended program.
    """
    try:
        return kindFor(RoundRobin()) == ExtendedSteering.kind
    except CannotSteerError:
        return False


needsExtended = pytest.mark.skipif(not mayLoad(), reason="needs CAP_BPF")


@pytest.fixture
def primary() -> Iterator[Primary]:
    """
    One whose workers accept themselves.
    """
    made = Primary(RandomChoice, dispatching=ASKED)
    yield made
    made.close()


def joined(primary: Primary, count: int) -> tuple[Listener, list[Hand]]:
    """
    A listener, and workers that are chosen.
    """
    workers = [primary.newWorker() for _ in range(count)]
    listener, *_ = [primary.join(worker, SPEC) for worker in workers]
    look(primary, workers)
    return listener, workers


def look(primary: Primary, alive: list[Hand]) -> None:
    primary.now += 50_000_000
    for worker in alive:
        worker.page.heartbeat = primary.now
    primary.door.look()


def groupOf(listener: Listener) -> StreamGroup:
    assert listener.streams is not None
    return listener.streams


def waitingFor(listener: Listener) -> dict[int, int]:
    """
    How many the kernel has, by the worker's id.
    """
    members = groupOf(listener).members
    return {id: backlogOf(one) or 0 for id, one in members.items()}


def drain(primary: Primary, listener: Listener) -> None:
    """
    As the reactor would, have what nobody accepts be taken.
    """
    helm = primary.gate(listener)._helm
    assert isinstance(helm, Helm)
    poll = select.poll()
    poll.register(groupOf(listener).unaccepted.idle, select.POLLIN)
    while poll.poll(0):
        helm._take()
        helm._gather(list(helm._taking), 0.2)


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """
    Closes what is entered.
    """
    with ExitStack() as stack:
        yield stack


def come(clients: ExitStack, listener: Listener, count: int = MANY) -> None:
    """
    So many connect, and wait somewhere.
    """
    before = waitingAnywhere(listener)
    for client in connect(listener, count):
        clients.enter_context(client)
    # Who has connected is on the way still, where the kernel has much to do.
    eventually(lambda: waitingAnywhere(listener) == before + count, "all have come")


def waitingAnywhere(listener: Listener) -> int:
    sockets = [listener.socket, *groupOf(listener).sockets]
    return sum(backlogOf(one) or 0 for one in sockets)


def close(primary: Primary, workers: list[Hand]) -> int:
    """
    @return: How many connections they are handed until nobody waits.
    """
    count = 0
    while handed := [one.fd for worker in workers for one in taken(worker)]:
        for fd in handed:
            os.close(fd)
        count += len(handed)
        primary.door.changed()
    return count
