"""
What is done when a worker's process is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.logger import Logger

from twisted_cluster.primary.lives.conversation import LAST_MESSAGES
from twisted_cluster.primary.lives.kit import Kit
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.primary.ports.takers import Takers

log = Logger()


class Dead(Protocol):
    """
    Who is gone.

    @ivar name: What the log calls it.
    """

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int | None: ...

    @property
    def said(self) -> Said: ...


def bury(worker: Dead, rooms: Rooms, kit: Kit, disconnected: Callable[[], None]) -> None:
    """
    Hear a worker out, forget it, and close what was for it; whatever one step raises, the
    next is taken.

    @param disconnected: Gives others what it has not taken, and tells that nothing more
        can be said to it.
    """
    name, talk = worker.name, kit.conversation
    keep, isLeft = rooms.outliving.keep, kit.child.isLeft
    guarded(name, "log what it wrote", keep, kit.output, name, isLeft)
    guarded(name, "log what it said", kit.records.finish)
    guarded(name, "find who has its port", _sayWhoHas, worker, rooms.listeners.takers)
    if rooms.guardian is not None:
        rooms.guardian.remove(worker.pid, isLeft)
    guarded(name, "forget it at the door", rooms.door.forget, kit.hand)
    guarded(name, "forget where it listened", rooms.listeners.forget, kit.hand)
    guarded(name, "take what it sent back", talk.returns.read, LAST_MESSAGES)
    guarded(name, "take what it has not taken", disconnected)
    guarded(name, "cut its wires", kit.cut)


def guarded(
    name: str, what: str, step: Callable[..., object], *arguments: object
) -> None:
    """
    Take a step; what it raises is logged.

    @param name: Of the worker.
    @param what: The step, for the log.
    """
    try:
        step(*arguments)
    except BaseException:
        log.failure("{worker}: cannot {what}", worker=name, what=what)


def _sayWhoHas(worker: Dead, takers: Takers) -> None:
    takers.workers.pop(worker.pid or 0, None)
    why = takers.whyTaken(worker.said.tail)
    if why is not None:
        worker.said.complain(why)
