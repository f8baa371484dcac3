"""
What workers say of the work that they have.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from twisted_cluster.core.scaling import HIGH_CPU
from twisted_cluster.primary.verbs.enough import loadOf


def _worker(cpu: float) -> Any:
    page = SimpleNamespace(lag=0)
    hand = SimpleNamespace(page=page, heartbeat=0, queued=0, cpu=cpu)
    return SimpleNamespace(isReady=True, hand=hand)


def test_oneWorkerIsNotAllOfThem() -> None:
    """
    However many CPUs it says that it uses: what the cluster has is not started for it.
    """
    door = cast(Any, SimpleNamespace(gates={}))
    load = loadOf([_worker(9e9), _worker(0.1)], door)
    assert load.cpus == 1.1 < HIGH_CPU * 2
    assert load.pressure == ""
