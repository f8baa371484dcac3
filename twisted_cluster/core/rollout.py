"""
A reload, as a machine: one new worker on trial, perhaps a canary, then all of them; or
back to those that there were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import frozen
from automat import TypeMachineBuilder


@frozen
class RolloutEffects:
    """
    What the machine asks of the world.

    @ivar share: Give the canary its share, and look at it for a while.
    @ivar roll: The new ones are good: renew one slot after the other.
    @ivar goBack: A new worker has failed, for this reason: the old ones serve on.
    @ivar leaveOff: Something else is to be done: let be what is half done.
    @ivar finish: All slots are renewed.
    @ivar giveUp: All is as before.
    """

    share: Callable[[], None]
    roll: Callable[[], None]
    goBack: Callable[[str], None]
    leaveOff: Callable[[str], None]
    finish: Callable[[], None]
    giveUp: Callable[[], None]


class Rollout(Protocol):
    """
    What happens to a reload.
    """

    def sampled(self) -> None:
        "The new workers on trial have stood it, and are to be a canary."

    def proven(self) -> None:
        "They have stood it, and need prove nothing more."

    def failed(self, why: str) -> None:
        "A new worker has failed."

    def renewed(self) -> None:
        "Every slot has a new worker, and no old one."

    def restored(self) -> None:
        "No slot has a new one any more, as far as that can be."

    def dropped(self, why: str) -> None:
        "A later reload, or the stop, takes its place."


builder = TypeMachineBuilder(Rollout, RolloutEffects)
trial, canary, rolling, returning, done, failed, dropped = map(
    builder.state,
    ("trial", "canary", "rolling", "going back", "done", "failed", "dropped"),
)
for state in (canary, rolling, returning, done, failed, dropped):
    state.upon(Rollout.sampled).loop().returns(None)
for state in (rolling, returning, done, failed, dropped):
    state.upon(Rollout.proven).loop().returns(None)
for state in (trial, canary, returning, done, failed, dropped):
    state.upon(Rollout.renewed).loop().returns(None)
for state in (trial, canary, rolling, done, failed, dropped):
    state.upon(Rollout.restored).loop().returns(None)
for state in (returning, done, failed, dropped):
    state.upon(Rollout.failed).loop().returns(None)
for state in (done, failed, dropped):
    state.upon(Rollout.dropped).loop().returns(None)


@trial.upon(Rollout.sampled).to(canary)
def begin(rollout: Rollout, effects: RolloutEffects) -> None:
    effects.share()


@trial.upon(Rollout.proven).to(rolling)
@canary.upon(Rollout.proven).to(rolling)
def goOn(rollout: Rollout, effects: RolloutEffects) -> None:
    effects.roll()


@trial.upon(Rollout.failed).to(returning)
@canary.upon(Rollout.failed).to(returning)
@rolling.upon(Rollout.failed).to(returning)
def goBack(rollout: Rollout, effects: RolloutEffects, why: str) -> None:
    effects.goBack(why)


@rolling.upon(Rollout.renewed).to(done)
def finish(rollout: Rollout, effects: RolloutEffects) -> None:
    effects.finish()


@returning.upon(Rollout.restored).to(failed)
def giveUp(rollout: Rollout, effects: RolloutEffects) -> None:
    effects.giveUp()


@trial.upon(Rollout.dropped).to(dropped)
@canary.upon(Rollout.dropped).to(dropped)
@rolling.upon(Rollout.dropped).to(dropped)
@returning.upon(Rollout.dropped).to(dropped)
def leaveOff(rollout: Rollout, effects: RolloutEffects, why: str) -> None:
    effects.leaveOff(why)


newRollout = builder.build()
