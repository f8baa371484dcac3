"""
Busy gates, which look only so often that they find several.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.leftovers import openNow
from tests.primary.primary import Primary, connect, taken
from tests.process.cluster import eventually
from twisted_cluster.core.napping import NAPS, SPELL
from twisted_cluster.events import TCP, UNIX, ListenSpec
from twisted_cluster.primary.door import nap as module
from twisted_cluster.primary.door.nap import Nap
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.wire.reader import Reader

SPEC = ListenSpec(TCP, "127.0.0.1", 0, backlog=511)
OTHER = ListenSpec(TCP, "127.0.0.1", 0, backlog=511, name="other")


@pytest.fixture
def primary() -> Iterator[Primary]:
    """
    With nobody yet.
    """
    made = Primary()
    yield made
    made.close()


def turn(primary: Primary) -> None:
    """
    A turn of a reactor's loop.
    """
    readers = {reader.fileno(): reader for reader in primary.reactor.getReaders()}
    ready, _, _ = select.select(list(readers), [], [], 0)
    for fd in ready:
        readers[fd].doRead()


def turnUntil(primary: Primary, count: int) -> None:
    """
    Turn it until so many connections have been accepted.
    """

    def isDone() -> bool:
        turn(primary)
        return sum(gate.accepted for gate in primary.door.gates.values()) >= count

    eventually(isDone, f"{count} connections have come")


def turnUntilWatched(primary: Primary, *listeners: Listener) -> None:
    """
    Turn it, while nobody comes.
    """

    def isDone() -> bool:
        primary.now += NAPS[-1]
        turn(primary)
        return all(isWatched(primary, listener) for listener in listeners)

    eventually(isDone, "nobody has come for a while")


def isWatched(primary: Primary, listener: Listener) -> bool:
    """
    Whether the reactor reads its socket.
    """
    fd = listener.fileno()
    return any(reader.fileno() == fd for reader in primary.reactor.getReaders())


def busy(primary: Primary, spec: ListenSpec = SPEC) -> Listener:
    """
    @return: A port to which many have come at once.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, spec)
    before = sum(gate.accepted for gate in primary.door.gates.values())
    for count in range(16, SPELL + 1, 16):
        closeAll(primary, come(listener, 16))
        turnUntil(primary, before + count)
        for connection in taken(worker):
            os.close(connection.fd)
        primary.door.changed()
    return listener


def come(listener: Listener, count: int) -> list[socket.socket]:
    """
    So many clients.
    """
    if listener.spec.kind == TCP:
        return connect(listener, count)
    clients = [socket.socket(socket.AF_UNIX) for _ in range(count)]
    for client in clients:
        client.connect(listener.spec.path)
    return clients


def closeAll(primary: Primary, clients: list[socket.socket]) -> None:
    """
    Close both ends.
    """
    for client in clients:
        client.close()


def test_whoFindsSeveralLooksAgainALittleLater(primary: Primary) -> None:
    """
    The reactor does not read its socket meanwhile; who has come by then is accepted in
    one turn, and a gate that finds nobody is watched as before.
    """
    listener = busy(primary)
    gate = primary.gate(listener)
    assert gate.isReading
    assert not isWatched(primary, listener)
    clients = come(listener, 7)
    accepted, found = gate.accepted, 0
    while not found:
        turn(primary)
        found = gate.accepted - accepted
    assert found == 7
    turnUntilWatched(primary, listener)
    closeAll(primary, clients)


def test_whoComesAloneIsAcceptedAtOnce(primary: Primary) -> None:
    """
    However fast one comes after the other: the reactor reads the socket all the time.
    """
    worker = primary.newWorker()
    listener = primary.join(worker, SPEC)
    for count in range(1, SPELL + 2):
        closeAll(primary, come(listener, 1))
        turnUntil(primary, count)
        assert isWatched(primary, listener)
        os.close(taken(worker)[0].fd)


def test_portsAreLookedAtTogether(primary: Primary, tmp_path: Path) -> None:
    """
    Of whatever kind, and whenever they have fallen asleep: there is one timer.
    """
    unix = ListenSpec(UNIX, path=str(tmp_path / "port"), backlog=64)
    listeners = [busy(primary, spec) for spec in (SPEC, OTHER, unix)]
    clients = [one for listener in listeners for one in come(listener, 3)]
    turnUntil(primary, 3 * (SPELL + 3))
    turnUntilWatched(primary, *listeners)
    closeAll(primary, clients)


def test_whoIsToRestIsNotWoken(primary: Primary) -> None:
    """
    A gate that may not accept any more: not when its sleep would be over either.
    """
    listener = busy(primary)
    gate = primary.gate(listener)
    assert not isWatched(primary, listener)
    gate.watch(False)
    clients = come(listener, 3)
    assert not primary.reactor.getReaders()
    gate.watch(True)
    turnUntil(primary, SPELL + 3)
    closeAll(primary, clients)


def test_whereThereAreNoTimersNobodySleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Of those that come with the system.
    """

    def refused() -> None:
        raise OSError(38, os.strerror(38))

    monkeypatch.setattr(module, "TimerFD", refused)
    primary = Primary()
    assert isWatched(primary, busy(primary))
    primary.close()


def test_oneThatJoinsIsWokenWithTheOthers(primary: Primary) -> None:
    """
    However long it would have slept.
    """
    nap, woken = Nap(primary.reactor), list[int]()
    nap.sleep(lambda: woken.append(1), 1_000_000)
    nap.sleep(lambda: woken.append(2), 60 * 10**9)
    eventually(lambda: turn(primary) or woken, "they are woken")
    assert woken == [1, 2]
    assert not primary.reactor.getReaders()


def test_whenNobodyHasSleptForAWhileThereIsNoTimer(primary: Primary) -> None:
    """
    A descriptor less, and who was not woken is.
    """
    nap, woken = Nap(primary.reactor), list[int]()
    before = openNow()
    for _ in range(2):
        nap.sleep(lambda: woken.append(1), 60 * 10**9)
        nap.look()
        assert len(openNow()) == len(before) + 1
        assert not woken
        nap.look()
        assert openNow() == before
        assert woken == [1]
        woken.clear()


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="epoll is Linux's")
def test_whoSleepsOnIsWokenWithoutATurn() -> None:
    """
    A bounded number of times, and only while there is nothing else to do.
    """
    from twisted.internet.epollreactor import EPollReactor

    reactor = EPollReactor()
    nap, woken = Nap(reactor), list[int]()

    def wake() -> None:
        woken.append(1)
        nap.sleep(wake, NAPS[-1])

    nap.sleep(wake, NAPS[-1])
    reactor.doIteration(5)
    assert len(woken) == module.MOST_NAPS
    woken.clear()
    read, write = os.pipe()
    os.write(write, b"x")
    Reader(reactor, lambda: read, lambda: None, "what is not read").start()
    while not woken:
        reactor.doIteration(5)
    assert len(woken) == 1
    nap.leave(wake)
    nap.close()
    for reader in reactor.removeAll():
        reader.connectionLost(None)
    os.close(read)
    os.close(write)
