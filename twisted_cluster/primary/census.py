"""
What there is, made into a snapshot when somebody asks.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from twisted_cluster.core.snapshot import (
    Counted,
    ListenerSnapshot,
    Snapshot,
    WorkerSnapshot,
)
from twisted_cluster.primary.door.door import Door
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.primary.ports.listener import Listener

NOBODY: Mapping[int, str] = {}


def snapshot(
    wanted: int,
    uptime: float,
    isStopping: bool,
    workers: Iterable[WorkerProcess],
    listeners: Iterable[Listener],
    door: Door,
    gone: Counted,
    minReady: int = 1,
    failed: Mapping[int, str] = NOBODY,
) -> Snapshot:
    """
    @see: L{Snapshot}
    """
    now = time.monotonic_ns()
    known = [workerSnapshot(worker, now) for worker in workers]
    return Snapshot(
        wanted,
        uptime,
        isStopping,
        sorted(known, key=lambda one: (one.slot, one.id)),
        [listenerSnapshot(listener, door) for listener in listeners],
        gone,
        minReady,
        failed,
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
        worker.state,
        hand.generation,
        hand.group,
        hand.weight,
        hand.age,
        max(0.0, silence),
        hand.active,
        hand.queued,
        page.taken,
        page.opened,
        page.closed,
        page.lag / 1e6,
        hand.cpu,
        hand.rss,
        page.headroom,
    )


def listenerSnapshot(listener: Listener, door: Door) -> ListenerSnapshot:
    """
    @param door: Where what comes in by it waits.
    """
    gate = door.gates.get(listener.number)
    return ListenerSnapshot(
        listener.number,
        listener.facts.name,
        listener.mode,
        listener.users.ids,
        0 if gate is None else gate.pending,
        gate is not None and gate.isReading,
    )
