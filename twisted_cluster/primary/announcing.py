"""
What is told of a cluster as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from twisted.logger import Logger

from twisted_cluster.core.words import duration, several
from twisted_cluster.plugins import unheeded
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.lives.rooms import Rooms

log = Logger()


class Announcing:
    """
    Tells each thing once, from one start to the next.
    """

    def __init__(self, config: ClusterConfig, rooms: Rooms) -> None:
        self._config = config
        self._rooms = rooms
        self._since = 0.0
        self._complained: set[tuple[str, str]] = set()
        self._isAnnounced = False

    @property
    def uptime(self) -> float:
        """
        For how long it has run, in seconds.
        """
        return self._rooms.reactor.seconds() - self._since

    def begin(self) -> None:
        """
        The cluster starts.
        """
        self._since = self._rooms.reactor.seconds()
        self._isAnnounced = False
        self._complained.clear()
        config = self._config
        groups, weights = set(config.groups.values()), config.weights.values()
        policy = config.newPolicy()
        for one in unheeded(policy, weights, groups, config.limits, config.dispatch):
            log.warn("{one}", one=one)

    def allUp(self, count: int) -> None:
        """
        All workers serve.

        @param count: How many there are.
        """
        self._dropUnjoined()
        self._rooms.listeners.closeUnused()
        if not self._isAnnounced:
            self._isAnnounced = True
            self._announce(count)
        self._tellUnknown()

    def gaveUp(self, lastWords: Sequence[str], tries: int) -> None:
        """
        The cluster ends.

        @param lastWords: What the last worker has said.
        @param tries: How many of one slot did not stay; 0: none has ever served.
        """
        what = "no worker can start"
        if tries:
            what = f"{several(tries, 'worker')} of a slot did not stay, one after another"
        why = "\n".join(lastWords)
        log.critical("{what}, the cluster ends: {why}", what=what, why=why)

    def _announce(self, count: int) -> None:
        places = [one.place for one in self._rooms.listeners.byNumber.values()]
        log.info(
            "ready: {workers} {where}; pid {pid}; {seconds}",
            workers=several(count, "worker"),
            where=f"on {', '.join(places)}" if places else "on no port",
            pid=os.getpid(),
            seconds=duration(self.uptime),
        )

    def _dropUnjoined(self) -> None:
        """
        Who connects where no worker listens is better refused than left to wait.
        """
        listeners = self._rooms.listeners
        there = [one.place for one in listeners.byNumber.values() if one.users]
        for listener in listeners.unjoined():
            log.warn(
                "--listen {name}: no worker listens there, {there}: it is closed",
                name=listener.place,
                there=f"but on {', '.join(there)}" if there else "nor anywhere else",
            )
            listener.keep = False

    def _tellUnknown(self) -> None:
        there = {one.facts.name for one in self._rooms.listeners.byNumber.values()}
        ports = {name.partition(":interface=")[0] for name in there}
        config = self._config
        for option, named in (
            ("--max-connections", config.limits.listeners),
            ("--dispatch", config.dispatch.listeners),
        ):
            for name in sorted(set(named) - there - ports):
                self._tellOnce(option, name, there)

    def _tellOnce(self, option: str, name: str, there: Iterable[str]) -> None:
        # And not each time that a worker has been replaced.
        if (option, name) not in self._complained:
            self._complained.add((option, name))
            log.warn(
                "{option} {name}: nobody listens there, but on {there}",
                option=option,
                name=name,
                there=", ".join(sorted(there)),
            )
