"""
One worker's life, as the primary sees it: starting, online, on its way out, gone.

Online it is ready or not: an application may hold back that it is, and take it back.

There are three ways out: it was asked to end by this primary (draining), it said that it
ends (leaving), or its channel just closed (lost), as it does when it dies. Who was told
to end by a signal asks, and goes on until this primary has decided.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import frozen
from automat import TypeMachineBuilder


@frozen
class LifeEffects:
    """
    What the machine asks of the world.

    @ivar enter: The worker may be offered connections.
    @ivar withdraw: It may not for now; what it has not taken is for others.
    @ivar leave: It may not any more.
    @ivar sendDrain: Tell it to finish what it serves, and end.
    @ivar ask: Decide when it ends, who was told to by a signal, and tell it to wait.
    @ivar release: Tell it that it may go now, as it was told.
    @ivar giveUp: Its application has not started yet, and it is to end.
    @ivar kill: Give it no more time.
    @ivar bury: It is gone: clean up, and say whether that was to be expected.
    """

    enter: Callable[[], None]
    withdraw: Callable[[], None]
    leave: Callable[[], None]
    sendDrain: Callable[[], None]
    ask: Callable[[], None]
    release: Callable[[], None]
    giveUp: Callable[[], None]
    kill: Callable[[], None]
    bury: Callable[[bool], None]


class Lifecycle(Protocol):
    """
    What happens to a worker.
    """

    def online(self) -> None:
        "It said that its application has started."

    def unready(self) -> None:
        "Its reactor runs, and it said that it is not ready, or is no longer."

    def ready(self) -> None:
        "It said that it is ready after all."

    def retire(self) -> None:
        "It is to end, with grace."

    def dismissed(self) -> None:
        "This primary has closed its channel, by which it knows that it is to end."

    def told(self) -> None:
        "It said that somebody else has told it to end, by a signal."

    def released(self) -> None:
        "It may end, as it was told by a signal."

    def leaving(self) -> None:
        "It said that it ends with grace, and nobody here has told it to."

    def lost(self) -> None:
        "Its channel is closed, and nobody here has done that."

    def overdue(self) -> None:
        "It was given time to end, and the time is over."

    def exited(self) -> None:
        "The process is gone."


builder = TypeMachineBuilder(Lifecycle, LifeEffects)
starting, ready, unready, draining, leaving, lost, gone = map(
    builder.state,
    ("starting", "online", "not ready", "draining", "leaving", "lost", "gone"),
)
for state in (draining, leaving, lost, gone):
    state.upon(Lifecycle.online).loop().returns(None)
    state.upon(Lifecycle.unready).loop().returns(None)
    state.upon(Lifecycle.ready).loop().returns(None)
    state.upon(Lifecycle.retire).loop().returns(None)
    state.upon(Lifecycle.told).loop().returns(None)
    state.upon(Lifecycle.released).loop().returns(None)
    state.upon(Lifecycle.leaving).loop().returns(None)
    state.upon(Lifecycle.lost).loop().returns(None)
for state in (draining, lost, gone):
    state.upon(Lifecycle.dismissed).loop().returns(None)
for state in (starting, ready, unready, gone):
    state.upon(Lifecycle.overdue).loop().returns(None)
for state in (ready, unready):
    state.upon(Lifecycle.online).loop().returns(None)
starting.upon(Lifecycle.ready).loop().returns(None)
starting.upon(Lifecycle.unready).to(unready).returns(None)
ready.upon(Lifecycle.ready).loop().returns(None)
unready.upon(Lifecycle.unready).loop().returns(None)
starting.upon(Lifecycle.released).loop().returns(None)
leaving.upon(Lifecycle.dismissed).to(draining).returns(None)
gone.upon(Lifecycle.exited).loop().returns(None)


@starting.upon(Lifecycle.online).to(ready)
@unready.upon(Lifecycle.ready).to(ready)
def enter(worker: Lifecycle, effects: LifeEffects) -> None:
    effects.enter()


@ready.upon(Lifecycle.unready).to(unready)
def withdraw(worker: Lifecycle, effects: LifeEffects) -> None:
    effects.withdraw()


@ready.upon(Lifecycle.retire).to(draining)
@unready.upon(Lifecycle.retire).to(draining)
def askToDrain(worker: Lifecycle, effects: LifeEffects) -> None:
    effects.leave()
    effects.sendDrain()


@ready.upon(Lifecycle.told).loop()
@unready.upon(Lifecycle.told).loop()
def decideLater(worker: Lifecycle, effects: LifeEffects) -> None:
    effects.ask()


@ready.upon(Lifecycle.released).to(leaving)
@unready.upon(Lifecycle.released).to(leaving)
@starting.upon(Lifecycle.told).to(leaving)
def letGo(worker: Lifecycle, effects: LifeEffects) -> None:
    effects.leave()
    effects.release()


@starting.upon(Lifecycle.retire).to(draining)
def giveUpStarting(worker: Lifecycle, effects: LifeEffects) -> None:
    effects.giveUp()


@ready.upon(Lifecycle.dismissed).to(draining)
@unready.upon(Lifecycle.dismissed).to(draining)
@starting.upon(Lifecycle.dismissed).to(draining)
@ready.upon(Lifecycle.leaving).to(leaving)
@unready.upon(Lifecycle.leaving).to(leaving)
@starting.upon(Lifecycle.leaving).to(leaving)
@ready.upon(Lifecycle.lost).to(lost)
@unready.upon(Lifecycle.lost).to(lost)
@starting.upon(Lifecycle.lost).to(lost)
def letLeave(worker: Lifecycle, effects: LifeEffects) -> None:
    effects.leave()


@draining.upon(Lifecycle.overdue).loop()
@leaving.upon(Lifecycle.overdue).loop()
@lost.upon(Lifecycle.overdue).loop()
def runOutOfTime(worker: Lifecycle, effects: LifeEffects) -> None:
    effects.kill()


@draining.upon(Lifecycle.exited).to(gone)
@leaving.upon(Lifecycle.exited).to(gone)
def buryExpected(worker: Lifecycle, effects: LifeEffects) -> None:
    effects.bury(True)


@starting.upon(Lifecycle.exited).to(gone)
@lost.upon(Lifecycle.exited).to(gone)
def buryUnexpected(worker: Lifecycle, effects: LifeEffects) -> None:
    effects.bury(False)


@ready.upon(Lifecycle.exited).to(gone)
@unready.upon(Lifecycle.exited).to(gone)
def buryDead(worker: Lifecycle, effects: LifeEffects) -> None:
    effects.leave()
    effects.bury(False)


newLifecycle = builder.build()
