"""
What there is to do for how many workers, and how few of them can do it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from twisted_cluster.core.scaling import Load, lateness, waitingFor
from twisted_cluster.core.words import several
from twisted_cluster.errors import CommandError, PolicyArgumentError
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.plugins import checkPins
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.door.door import Door
from twisted_cluster.primary.lives.process import WorkerProcess


def loadOf(workers: Iterable[WorkerProcess], door: Door) -> Load:
    """
    @return: What there is to do just now.
    """
    serving = [one.hand for one in workers if one.isReady]
    now = time.monotonic_ns()
    return Load(
        len(serving),
        lateness((one.page.lag, now - (one.heartbeat or now)) for one in serving),
        waitingFor(hand.queued for hand in serving)
        + sum(gate.pending for gate in door.gates.values()),
        # An event loop uses one: what one worker says counts as no more than that.
        sum(min(1.0, hand.cpu) for hand in serving),
    )


def checkEnough(
    count: int, config: ClusterConfig, policies: Iterable[ISchedulingPolicy | None]
) -> None:
    """
    @raise CommandError: If so few workers would not do.
    """
    least, workers = config.rules.minReady, several(count, "worker")
    if count < least:
        raise CommandError(f"{workers}: --min-ready {least} would never be reached")
    if not any(config.weights.get(number, 1) for number in range(1, count + 1)):
        raise CommandError(
            f"{workers}: by --weights none of them would be given anything"
        )
    try:
        for policy in policies:
            checkPins(policy, count)
    except PolicyArgumentError as error:
        raise CommandError(f"{workers}: {error}") from None
