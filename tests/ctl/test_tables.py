"""
A snapshot as text.
"""

from __future__ import annotations

from typing import Any

from attrs import asdict, evolve

from twisted_cluster.core.snapshot import (
    Counted,
    ListenerSnapshot,
    Snapshot,
    WorkerSnapshot,
)
from twisted_cluster.ctl.tables import Rates, headline, portRows, text, workerRows

WORKER = WorkerSnapshot(1, 1, 501, "ready", age=400.0, taken=10, rss=50 << 20, cpu=0.5)
PORT = ListenerSnapshot(1, "tcp:80", "handoff", (1,), 2, True, 3, 20, 4, "random")
THERE = Snapshot(2, 10.0, False, [WORKER], [PORT], Counted(3, 1), pid=500)


def told(snapshot: Snapshot) -> dict[str, Any]:
    """
    As it comes from a control socket.
    """
    counted = asdict(snapshot.counted)
    return {"isReady": snapshot.isReady, **asdict(snapshot), "counted": counted}


def test_allOfItIsShown() -> None:
    """
    Without rates, for which it takes two.
    """
    shown = text(told(THERE))
    assert shown.startswith("pid 500; ready; 1 of 2 workers serves; up 10 s; 3 started")
    assert "RATE" not in shown
    row = ["1", "501", "ready", "1", "0", "0", "0", "ms", "50%", "50M", "7", "min", "10"]
    assert row in [line.split() for line in shown.splitlines()]
    row = ["tcp:80", "random", "1", "5", "4", "20"]
    assert row in [line.split() for line in shown.splitlines()]


def test_ratesAreBetweenTwo() -> None:
    """
    A worker that is new has taken all of it in this time.
    """
    later = evolve(
        THERE,
        uptime=12.0,
        workers=[evolve(WORKER, taken=30), evolve(WORKER, id=2, taken=6)],
        listeners=[evolve(PORT, accepted=120)],
    )
    rates = Rates(told(THERE), told(later))
    assert [row[5] for row in workerRows(told(later), rates)] == ["10", "3"]
    assert [row[3] for row in portRows(told(later), rates)] == ["50"]


def test_itIsSaidWhereTheKernelChooses() -> None:
    """
    As a policy says.
    """
    steered = evolve(THERE, listeners=[evolve(PORT, mode="kernel")])
    row = ["tcp:80", "random", "(kernel)", "1", "5", "4", "20"]
    assert row in [line.split() for line in text(told(steered)).splitlines()]


def test_whereTheKernelChoosesThereIsNoRate() -> None:
    """
    Nobody here counts.
    """
    shared = evolve(THERE, uptime=11.0, listeners=[evolve(PORT, mode="shared")])
    (row,) = portRows(told(shared), Rates(told(THERE), told(shared)))
    assert (row[3], row[6]) == ("-", "-")


def test_whatIsWrongIsSaid() -> None:
    """
    A silent worker, a slot that fails, a cluster that is not ready, or stops, or reloads.
    """
    silent = evolve(THERE, workers=[evolve(WORKER, silence=4.0)])
    assert workerRows(told(silent), Rates(None, told(silent)))[0][2] == (
        "ready, silent 4.0 s"
    )
    assert "not ready" in headline(told(evolve(THERE, minReady=2)))
    assert "; stopping;" in headline(told(evolve(THERE, isStopping=True)))
    assert "; a reload; " in headline(told(evolve(THERE, reloading="a reload")))
    assert "worker 2 fails: no x" in headline(told(evolve(THERE, failed={2: "no x"})))
