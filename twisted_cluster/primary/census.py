"""
What there is, made into a snapshot when somebody asks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping

from twisted_cluster.core.counting import plausible
from twisted_cluster.core.snapshot import (
    Counted,
    ListenerSnapshot,
    Snapshot,
    WorkerSnapshot,
)
from twisted_cluster.primary.door.door import Door
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.wire.backlog import backlogOf

NOBODY: Mapping[int, str] = {}


def snapshot(
    wanted: int,
    uptime: float,
    isStopping: bool,
    workers: Iterable[WorkerProcess],
    listeners: Iterable[Listener],
    door: Door,
    gone: Counted,
    policyOf: Callable[[Listener], str],
    minReady: int = 1,
    failed: Mapping[int, str] = NOBODY,
    generation: int = 1,
    reloading: str = "",
) -> Snapshot:
    """
    @param policyOf: Says what a listener's policy is called.
    @see: L{Snapshot}
    """
    now = time.monotonic_ns()
    known = [workerSnapshot(worker, now) for worker in workers]
    return Snapshot(
        wanted,
        uptime,
        isStopping,
        sorted(known, key=lambda one: (one.slot, one.id)),
        [listenerSnapshot(one, door, policyOf(one)) for one in listeners],
        gone,
        minReady,
        failed,
        os.getpid(),
        generation,
        reloading,
    )


def workerSnapshot(worker: WorkerProcess, now: int) -> WorkerSnapshot:
    """
    @param now: Monotonic nanoseconds.
    """
    hand, page = worker.hand, worker.hand.page
    silence = (now - page.heartbeat) / 1e9 if page.heartbeat else 0.0
    return WorkerSnapshot(
        worker.id,
        worker.number,
        worker.pid,
        # What was killed may take a while to be gone.
        "leaving" if worker.child.isKilled else worker.state,
        hand.generation,
        hand.group,
        hand.weight,
        worker.age,
        max(0.0, silence),
        hand.active,
        hand.queued,
        plausible(hand.taken, worker.age),
        plausible(page.opened, worker.age),
        plausible(page.closed, worker.age),
        page.lag / 1e6,
        hand.cpu,
        hand.rss,
        page.headroom,
    )


def listenerSnapshot(listener: Listener, door: Door, policy: str) -> ListenerSnapshot:
    """
    @param door: Where what comes in by it waits.
    """
    gate = door.gates.get(listener.number)
    return ListenerSnapshot(
        listener.number,
        listener.facts.name,
        listener.way,
        listener.users.ids,
        0 if gate is None else gate.pending,
        gate is not None and gate.isReading,
        _waitingAt(listener),
        0 if gate is None else gate.arrived,
        0 if gate is None else gate.room.refused,
        policy,
    )


def _waitingAt(listener: Listener) -> int | None:
    # What workers have they may keep locked.
    if listener.streams is not None:
        return listener.streams.backlog
    if listener.hasBacklog:
        return backlogOf(listener.socket)
    return None if listener.sound is None else listener.sound.waiting
