"""
Another policy, while the cluster runs.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from twisted_cluster.core.messages import HANDOFF, KERNEL
from twisted_cluster.errors import CommandError, PolicyArgumentError
from twisted_cluster.interfaces import NewPolicy
from twisted_cluster.plugins import checkGroups, checkLimits, checkPins, parsePolicy
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.ports.listener import Listener

log = Logger()


class Choosing:
    """
    Knows which policy each listener has, and gives it another.
    """

    def __init__(self, config: ClusterConfig, rooms: Rooms) -> None:
        self._config = config
        self._rooms = rooms
        self._general = config.policy
        # Of listeners that have another, by their numbers.
        self._texts: dict[int, str] = {}

    def nameOf(self, listener: Listener) -> str:
        """
        @return: What was said of its policy; if that was no text, its class.
        """
        if listener.mode not in (HANDOFF, KERNEL):
            return "none"
        text = self._texts.get(listener.number, self._general)
        return text or type(listener.policy).__name__

    def setPolicy(self, text: str, port: str | None, workers: int) -> None:
        """
        Who serves new connections. Those that wait are given by the new policy as well.

        @param text: As C{--policy} takes it.
        @param port: Of which port; L{None}: of all, and those to come.
        @param workers: How many there are to be.
        @raise CommandError: If there is no such policy, or port, or it cannot be changed.
        """
        newPolicy = self._checked(text, workers)
        listeners = self._meant(port)
        for listener in listeners:
            policy = newPolicy()
            if policy is not None:
                self._rooms.listeners.choose(listener, policy)
                self._texts[listener.number] = text
        if port is None:
            self._rooms.listeners.newPolicy = newPolicy
            self._general = text
        log.info(
            "policy {text}: {places}",
            text=text,
            places=", ".join(one.place for one in listeners) or "no port yet",
        )

    def _checked(self, text: str, workers: int) -> NewPolicy:
        try:
            newPolicy = parsePolicy(text)
            policy = newPolicy()
            checkGroups(policy, self._config.groups.values())
            checkPins(policy, workers)
            checkLimits(policy, self._config.limits)
        except PolicyArgumentError as error:
            raise CommandError(str(error)) from None
        if policy is None:
            raise CommandError(
                "policy none can only be chosen at the start: workers would have to "
                "accept themselves from now on"
            )
        return newPolicy

    def _meant(self, port: str | None) -> Sequence[Listener]:
        """
        @raise CommandError: If there is no such port, or nobody chooses there.
        """
        all = list(self._rooms.listeners.byNumber.values())
        if port is None:
            meant = [one for one in all if one.mode in (HANDOFF, KERNEL)]
            if all and not meant:
                raise _fixed(all)
            return meant
        meant = [one for one in all if port in _namesOf(one)]
        if not meant:
            there = ", ".join(one.place for one in all) or "none"
            raise CommandError(f"there is no port {port!r:.60}; there are: {there}")
        if any(one.mode not in (HANDOFF, KERNEL) for one in meant):
            raise _fixed(meant)
        return meant


def _fixed(listeners: Sequence[Listener]) -> CommandError:
    places = ", ".join(one.place for one in listeners)
    return CommandError(
        f"{places}: the kernel chooses there as it likes (policy none, --dispatch "
        "shared, or datagrams), which cannot be changed while the cluster runs"
    )


def _namesOf(listener: Listener) -> set[str]:
    names = {listener.place, listener.facts.name}
    if isinstance(listener.name, tuple):
        names.add(str(listener.name[1]))
    return names | {name.partition(":interface=")[0] for name in names}
