"""
What is to be done about workers; L{twisted_cluster.core.slots} asks for it.
"""

from __future__ import annotations

from typing import Union

from attrs import frozen

DEAF = "{worker} has taken nothing for {seconds:.0f} s: it is replaced"
SILENT = "{worker} has shown no life for {seconds:.0f} s"
OVERDUE = "{worker} has not started within {seconds:.0f} s: it is killed"
CUT_OFF = "{worker} says nothing more, and lives on for {seconds:.0f} s: it is replaced"
STARTING = "{worker} has been starting for {seconds:.0f} s"
AGAIN = "{worker} starts again in {seconds:.1f} s"


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
    """

    id: int


@frozen
class Kill:
    """
    End a worker now.
    """

    id: int


@frozen
class Report:
    """
    Something to be told to whoever runs the cluster.

    @ivar text: In which C{worker} and C{seconds} are to be filled in.
    @ivar id: The worker that it is about; 0 for none.
    @ivar isError: Whether something is wrong.
    """

    text: str
    slot: int
    seconds: float = 0.0
    id: int = 0
    isError: bool = True


@frozen
class Complete:
    """
    Every slot has a worker that is ready.
    """


@frozen
class GiveUp:
    """
    No worker can start.

    @ivar id: The last that failed.
    """

    id: int


@frozen
class Ended:
    """
    All workers are gone, as was asked for.
    """


Action = Union[Start, Retire, Kill, Report, Complete, GiveUp, Ended]
