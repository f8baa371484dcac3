"""
How one worker ends, as it sees it itself: serving, draining, flushing, disconnected,
stopping.

A signal may have been sent to all processes at once, or to this one alone: only the
primary knows whether others serve meanwhile. So it is asked (asking), and waited for
(waiting), while this worker serves on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import frozen
from automat import TypeMachineBuilder


@frozen
class EndingEffects:
    """
    What the machine asks of the world.

    @ivar plan: From now on this end is one that was wanted, by this worker or by the
        primary.
    @ivar remember: With which signal the process is to end, when all is done.
    @ivar sayLeaving: Tell the primary that this worker ends though it was not told to.
    @ivar awaitAnswer: Be L{Ending.unanswered} if the primary does not answer soon.
    @ivar drain: Take nothing new, serve what there is, and be overdue after so many
        seconds; L{None}: after as many as this worker was born with.
    @ivar flush: What was said to the primary is to leave before the channel is closed.
    @ivar disconnect: Close the channel.
    @ivar look: Say L{Ending.alone} as soon as this worker has nothing left to serve.
    @ivar stop: Stop the reactor.
    """

    plan: Callable[[], None]
    remember: Callable[[int], None]
    sayLeaving: Callable[[], None]
    awaitAnswer: Callable[[], None]
    drain: Callable[[float | None], None]
    flush: Callable[[], None]
    disconnect: Callable[[], None]
    look: Callable[[], None]
    stop: Callable[[], None]


class Ending(Protocol):
    """
    What happens to a worker.
    """

    def told(self, timeout: float) -> None:
        "The primary tells it to end, with grace."

    def held(self) -> None:
        "The primary has heard of its signal, and will say when it is to end."

    def released(self, timeout: float) -> None:
        "The primary lets it end, as it was told by a signal."

    def unanswered(self) -> None:
        "The primary has had time to answer."

    def leave(self) -> None:
        "It wants to end, with grace."

    def kill(self) -> None:
        "It wants to end, now."

    def signalled(self, number: int) -> None:
        "It was sent a signal: once is with grace, again is without."

    def cutOff(self) -> None:
        "The primary is gone, or is to be told nothing more."

    def idle(self) -> None:
        "It serves no connection, and none waits for it."

    def flushed(self) -> None:
        "Nothing waits to be told the primary."

    def alone(self) -> None:
        "It serves nothing, and nothing is open that it waits for."

    def overdue(self) -> None:
        "It was given time to end, and the time is over."


builder = TypeMachineBuilder(Ending, EndingEffects)
serving, asking, waiting, draining, flushing, disconnected, stopping = map(
    builder.state,
    (
        "serving",
        "asking",
        "waiting",
        "draining",
        "flushing",
        "disconnected",
        "stopping",
    ),
)
undecided = (asking, waiting)
connected = (serving, *undecided, draining, flushing)
leaving = (draining, flushing, disconnected)
for state in (disconnected, stopping):
    state.upon(Ending.cutOff).loop().returns(None)
# What comes too early, or too late, or twice.
for state in (serving, *undecided, flushing, disconnected, stopping):
    state.upon(Ending.idle).loop().returns(None)
for state in (serving, *undecided, draining, disconnected, stopping):
    state.upon(Ending.flushed).loop().returns(None)
for state in (serving, *undecided, draining, flushing, stopping):
    state.upon(Ending.alone).loop().returns(None)
for state in (serving, *undecided, stopping):
    state.upon(Ending.overdue).loop().returns(None)
for state in (serving, waiting, *leaving, stopping):
    state.upon(Ending.held).loop().returns(None)
    state.upon(Ending.unanswered).loop().returns(None)
for state in (*leaving, stopping):
    state.upon(Ending.released).loop().returns(None)
for event in (Ending.told, Ending.leave, Ending.kill, Ending.signalled):
    stopping.upon(event).loop().returns(None)


asking.upon(Ending.held).to(waiting).returns(None)


@serving.upon(Ending.told).to(draining)
@asking.upon(Ending.told).to(draining)
@waiting.upon(Ending.told).to(draining)
def drainAsTold(worker: Ending, effects: EndingEffects, timeout: float) -> None:
    effects.plan()
    effects.drain(timeout)


@serving.upon(Ending.released).to(draining)
@asking.upon(Ending.released).to(draining)
@waiting.upon(Ending.released).to(draining)
def drainAsReleased(worker: Ending, effects: EndingEffects, timeout: float) -> None:
    effects.drain(timeout)


@asking.upon(Ending.unanswered).to(draining)
def drainUnanswered(worker: Ending, effects: EndingEffects) -> None:
    effects.drain(None)


@serving.upon(Ending.leave).to(draining)
@asking.upon(Ending.leave).to(draining)
@waiting.upon(Ending.leave).to(draining)
def drainAsWanted(worker: Ending, effects: EndingEffects) -> None:
    effects.plan()
    effects.sayLeaving()
    effects.drain(None)


@serving.upon(Ending.signalled).to(asking)
def askUponSignal(worker: Ending, effects: EndingEffects, number: int) -> None:
    effects.remember(number)
    effects.sayLeaving()
    effects.awaitAnswer()


@serving.upon(Ending.cutOff).to(disconnected)
@asking.upon(Ending.cutOff).to(disconnected)
@waiting.upon(Ending.cutOff).to(disconnected)
def drainAlone(worker: Ending, effects: EndingEffects) -> None:
    effects.disconnect()
    effects.drain(None)


def planOnly(worker: Ending, effects: EndingEffects) -> None:
    effects.plan()


def planAsTold(worker: Ending, effects: EndingEffects, timeout: float) -> None:
    effects.plan()


for state in leaving:
    state.upon(Ending.told).loop()(planAsTold)
    state.upon(Ending.leave).loop()(planOnly)


@draining.upon(Ending.idle).to(flushing)
def flush(worker: Ending, effects: EndingEffects) -> None:
    effects.flush()


def lookOn(worker: Ending, effects: EndingEffects) -> None:
    effects.disconnect()
    effects.look()


draining.upon(Ending.cutOff).to(disconnected)(lookOn)
flushing.upon(Ending.cutOff).to(disconnected)(lookOn)
flushing.upon(Ending.flushed).to(disconnected)(lookOn)


def stopNow(worker: Ending, effects: EndingEffects) -> None:
    effects.disconnect()
    effects.stop()


def stopUponSignal(worker: Ending, effects: EndingEffects, number: int) -> None:
    stopNow(worker, effects)


def killItself(worker: Ending, effects: EndingEffects) -> None:
    effects.plan()
    effects.sayLeaving()
    stopNow(worker, effects)


for state in (*undecided, draining, flushing):
    state.upon(Ending.signalled).to(stopping)(stopUponSignal)
for state in (draining, flushing):
    state.upon(Ending.overdue).to(stopping)(stopNow)
for state in connected:
    state.upon(Ending.kill).to(stopping)(killItself)


def stopAlone(worker: Ending, effects: EndingEffects) -> None:
    effects.stop()


def stopAloneUponSignal(worker: Ending, effects: EndingEffects, number: int) -> None:
    effects.stop()


@disconnected.upon(Ending.kill).to(stopping)
def killItselfAlone(worker: Ending, effects: EndingEffects) -> None:
    effects.plan()
    effects.stop()


disconnected.upon(Ending.signalled).to(stopping)(stopAloneUponSignal)
disconnected.upon(Ending.overdue).to(stopping)(stopAlone)
disconnected.upon(Ending.alone).to(stopping)(stopAlone)

newEnding = builder.build()
