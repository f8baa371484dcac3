"""
What is to be done about workers; L{twisted_cluster.core.slots} asks for it.
"""

from __future__ import annotations

from typing import Union

from attrs import frozen

DEAF = "{worker} has taken nothing of what waits for it for {seconds:.0f} s"
REPLACED = f"{DEAF}: it is replaced"
SILENT = "{worker} has shown no life for {seconds:.1f} s"
HUNG = "it had shown no life for {seconds:g} s"
CUT_OFF = "{worker} says nothing more, and lives on for {seconds:.0f} s: it is replaced"
STARTING = "{worker} has been starting for {seconds:.0f} s"
# What is shown of a worker's stacks: all, or where the application is.
ALL = "all"
PLACE = "place"
# So many early ends of a slot in a row, and it is not only bad luck.
PERSISTENT = 3


@frozen
class Start:
    """
    Start a worker.

    @ivar id: What it is to be called by; never used again.
    """

    id: int
    slot: int
    generation: int


@frozen
class Retire:
    """
    End a worker with grace.

    @ivar why: For whoever wonders; C{""}: nobody does.
    """

    id: int
    why: str = ""


@frozen
class Abort:
    """
    End a worker that does not work, once it is seen where it is.

    @ivar why: For whoever wonders.
    """

    id: int
    why: str


@frozen
class Again:
    """
    A worker has ended too early: its successor waits.

    @ivar id: The worker that has ended.
    @ivar seconds: For how long its successor waits.
    @ivar failures: How many of this slot have ended so early in a row, this one included.
    @ivar wasReady: Whether it was ready before.
    @ivar serving: How many workers serve.
    @ivar wanted: How many there are to be.
    """

    id: int
    slot: int
    seconds: float
    failures: int
    wasReady: bool
    serving: int
    wanted: int

    @property
    def isPersistent(self) -> bool:
        """
        Whether it goes on and on: then each time is not worth a word.
        """
        return self.failures >= PERSISTENT


@frozen
class Recovered:
    """
    A slot whose workers went on and on to end too early has one that serves.

    @ivar id: That one.
    @ivar failures: How many there were before.
    @ivar serving: How many workers serve.
    @ivar wanted: How many there are to be.
    """

    id: int
    failures: int
    serving: int
    wanted: int


@frozen
class Failing:
    """
    Workers of a slot go on to end too early: to be told once more.

    @ivar failures: How many in a row could not start, or were not ready for a second.
    @ivar short: How many in a row have not stayed.
    @ivar seconds: For how long the next one waits; not more than 0 where it is there.
    @ivar wasReady: Whether the last one was ready before.
    @ivar serving: How many workers serve.
    @ivar wanted: How many there are to be.
    """

    slot: int
    failures: int
    short: int
    seconds: float
    wasReady: bool
    serving: int
    wanted: int


@frozen
class Report:
    """
    Something is wrong, and to be told to whoever runs the cluster.

    @ivar text: In which C{worker} and C{seconds} are to be filled in.
    @ivar id: The worker that it is about; 0 for none.
    @ivar shows: What is to be shown of its stacks: L{ALL}, L{PLACE}, or nothing.
    """

    text: str
    slot: int
    seconds: float = 0.0
    id: int = 0
    shows: str = ""


@frozen
class Complete:
    """
    Every slot has a worker that is ready.
    """


@frozen
class GiveUp:
    """
    No worker can start, or those of a slot have ended too early often enough.

    @ivar id: The last that failed.
    @ivar tries: How many in a row have ended too early, where that is why; else 0.
    """

    id: int
    tries: int = 0


@frozen
class Ended:
    """
    All workers are gone, as was asked for.
    """


@frozen
class Offer:
    """
    Give a new generation's workers this share of the connections.

    @ivar share: 0.0 to 1.0: exactly so much, as far as others are there; L{None}: as
        many as they come to have like all others.
    """

    generation: int
    share: float | None


@frozen
class Progress:
    """
    Tell who waits for a reload how far it is.
    """

    text: str


@frozen
class Judge:
    """
    Look at how the canary has fared, and tell L{Slots.judged}.
    """

    generation: int


@frozen
class GoBack:
    """
    A reload has failed; workers of before take their places again.

    @ivar id: The worker that has failed; 0: none.
    @ivar why: What is wrong with it; C{""}: its end says so.
    """

    id: int
    why: str


@frozen
class Reloaded:
    """
    All workers are of this generation.
    """

    generation: int


@frozen
class NotReloaded:
    """
    A reload is over, and has changed nothing.

    @ivar why: Why; C{""}: L{GoBack} has said so.
    @ivar more: What is not as before; C{""}: all is.
    """

    generation: int
    why: str
    more: str = ""


Action = Union[
    Start,
    Retire,
    Abort,
    Again,
    Failing,
    Recovered,
    Report,
    Complete,
    GiveUp,
    Ended,
    Offer,
    Progress,
    Judge,
    GoBack,
    Reloaded,
    NotReloaded,
]
