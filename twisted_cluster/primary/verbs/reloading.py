"""
New workers for all, and a new one for one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from attrs import define
from twisted.internet.defer import Deferred

from twisted_cluster.core.places import Renewal
from twisted_cluster.core.reloading import Plan
from twisted_cluster.core.rules import Portion, Rules
from twisted_cluster.core.verbs import Progress
from twisted_cluster.errors import CommandError
from twisted_cluster.interfaces import NewPolicy
from twisted_cluster.primary.lives.releases import Releases
from twisted_cluster.primary.lives.supervisor import Supervisor

STOPS = "the cluster stops, or has not been started"


class Manner(TypedDict, total=False):
    """
    How workers are reloaded.

    C{directory}: where the new ones run, instead of where this process was started; as
    before, unless it is given. C{step}: how many are renewed at a time, such as 2, or
    C{"25%"}; as the cluster was told at its start. C{canary}: what share of the
    connections new ones have at first, such as C{"10%"}; none, unless it is given.
    C{seconds}: for how long. C{missingPorts}: whether new ones may listen elsewhere than
    those before.
    """

    directory: str | None
    step: str | int | None
    canary: str | int | None
    seconds: float
    missingPorts: bool


@define(eq=False)
class Reloader:
    """
    @ivar releases: What workers are made of.
    @ivar newPolicy: Makes one listener's policy, or L{None}: the kernel chooses.
    @ivar prepare: There are to be workers of a generation.
    """

    rules: Rules
    supervisor: Supervisor
    releases: Releases
    newPolicy: NewPolicy
    prepare: Callable[[int], object]

    def reload(
        self,
        progress: Progress,
        directory: str | None = None,
        step: str | int | None = None,
        canary: str | int | None = None,
        seconds: float = 30.0,
        missingPorts: bool = False,
    ) -> Deferred[None]:
        """
        Replace all workers by new ones, which are there before the old ones leave.

        @param progress: Told lines on the way.
        @return: Fires when all are; fails with L{CommandError}, if all is as before.
        @raise CommandError: If that cannot be.
        @see: L{Manner}
        """
        if seconds <= 0:
            raise CommandError(f"for {seconds:g} s: give a number above 0")
        if not self.supervisor.isRunning:
            raise CommandError(STOPS)
        if canary is not None and self.newPolicy() is None:
            raise CommandError("canary: where the kernel chooses nobody can have a share")
        current = self.supervisor.generation
        sample = None if canary is None else _portion("canary", canary)
        atATime = self.rules.reloadStep if step is None else _portion("step", step)
        generation = self.releases.next(current, directory)
        plan = Plan(generation, atATime, self.rules.reloadTrial, sample, seconds)
        done = self.supervisor.reloads.order(plan, progress, missingPorts)
        self.prepare(generation)
        self.supervisor.reload(plan)
        return done


def drain(supervisor: Supervisor, id: int, progress: Progress) -> Deferred[None]:
    """
    Replace one worker by a new one, which is there before it leaves.

    @param progress: Told lines on the way.
    @return: Fires when it has left; fails with L{CommandError} if it stays, because its
        successor has failed.
    @raise CommandError: If there is no such worker.
    """
    worker = supervisor.workers.get(id)
    if worker is None:
        raise CommandError(f"there is no worker with the id {id}")
    if not supervisor.isRunning:
        raise CommandError(STOPS)
    progress(f"{worker.name} is replaced, and leaves then")
    return supervisor.drain(id, Renewal("it is drained"))


def _portion(name: str, given: object) -> Portion:
    try:
        return Portion.parse(given)
    except ValueError:
        why = "give a number, 1 or more, or such as 25%"
        raise CommandError(f"{name} {given}: {why}") from None
