"""
Which descriptor of a worker is what, and how a worker is told.
"""

from __future__ import annotations

import json
import os
from collections.abc import MutableMapping

from attrs import asdict, frozen

from twisted_cluster.errors import StartError

CONTROL = 3
HANDOFF = 4
SCOREBOARD = 5
INHERITED = (CONTROL, HANDOFF, SCOREBOARD)

VARIABLE = "TWISTED_CLUSTER_WORKER"


@frozen
class Announcement:
    """
    What a worker is told at birth.

    @ivar slot: Its number, from 1.
    @ivar reactor: The short name of the reactor that it is to run on.
    @ivar drainTimeout: How long it may finish what it serves, in seconds, where
        nobody is left to ask.
    """

    slot: int
    reactor: str = "default"
    drainTimeout: float = 30.0

    def toEnvironment(self) -> dict[str, str]:
        """
        The environment variable that carries this.
        """
        return {VARIABLE: json.dumps(asdict(self))}


def takeAnnouncement(environment: MutableMapping[str, str]) -> Announcement:
    """
    Read what this worker was told; its own children will see neither the variable
    nor the descriptors.

    @raise StartError: If this process is not a worker.
    """
    text = environment.pop(VARIABLE, None)
    try:
        announcement = Announcement(**json.loads(text or ""))
        for fd in INHERITED:
            os.set_inheritable(fd, False)
    except (ValueError, TypeError, OSError):
        raise StartError(
            "the cluster reactor runs in workers only: start them with "
            "'twistd cluster', which takes the workers' reactor as --reactor"
        ) from None
    return announcement
