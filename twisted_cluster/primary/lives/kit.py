"""
All that this process has for one worker.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Protocol

from attrs import frozen

from twisted_cluster.core.codecs import codecNamed
from twisted_cluster.core.counting import talliesFor
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.lives import conversation
from twisted_cluster.primary.lives.child import Child
from twisted_cluster.primary.lives.conversation import Conversation
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.records import Records
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.primary.lives.stacks import Stacks
from twisted_cluster.primary.lives.streams import StandardStreams
from twisted_cluster.primary.lives.wires import Wires, firstGap


class KitOwner(conversation.Worker, Protocol):
    """
    Whose kit it is.
    """

    @property
    def number(self) -> int: ...

    @property
    def said(self) -> Said: ...

    def exited(self) -> None: ...


@frozen(eq=False)
class Kit:
    """
    Made as one before there is a process, so that what is sent to the worker now it
    finds there when it starts; closed as one.

    @ivar output: Its standard streams.
    @ivar child: Its process.
    @ivar wires: This process's ends, and the worker's until they are L{given}.
    @ivar hand: The worker, as the door and the table know it.
    @ivar records: What it says for the log.
    @ivar stacks: Where it is, when it is asked.
    @ivar conversation: What it says of itself, and users' messages.
    """

    output: StandardStreams
    child: Child
    wires: Wires
    hand: Hand
    records: Records
    stacks: Stacks
    conversation: Conversation

    @classmethod
    def make(cls, rooms: Rooms, recipe: Recipe, worker: KitOwner) -> Kit:
        """
        @param worker: Is told what becomes of the process, and what it says.
        @raise OSError: If the system has no room for it; nothing is left open then.
        @raise SettingsError: If there is no such codec; the same.
        """
        codec = codecNamed(recipe.serialization)
        with ExitStack() as undo:
            output = recipe.newOutput(rooms.reactor, worker.said)
            child = Child(rooms.reactor, output, worker.exited)
            undo.callback(output.spawned, child)
            undo.callback(output.finish)
            wires = Wires.make(talliesFor(rooms.limits))
            undo.callback(wires.given)
            undo.callback(wires.cut)
            post = recipe.postOf(worker.id, worker.number)
            most, hasTerminal = rooms.limits.worker, bool(recipe.terminal)
            hand = Hand(post, wires.page, wires.queue, most, hasTerminal)
            talk = Conversation(rooms, wires, hand, codec, worker, recipe.user)
            undo.callback(talk.close)
            records = Records(rooms.reactor, wires.log, worker.said, talk.refuse)
            undo.callback(records.finish)
            stacks = Stacks(rooms.reactor, wires.stacks, wires.page, child)
            undo.pop_all()
        return cls(output, child, wires, hand, records, stacks, talk)

    def start(self, rooms: Rooms, recipe: Recipe, slot: int, id: int) -> None:
        """
        Start the process, which has its own copies then.

        @raise OSError: If the system has no room for one; all is closed then.
        """
        try:
            self._spawn(rooms, recipe.placed(), slot, id)
        except BaseException:
            self.close()
            raise
        finally:
            self._given()

    def abandon(self) -> None:
        """
        There is to be no process: close all.
        """
        self.close()
        self._given()

    def close(self) -> None:
        """
        Read what there is to read still, and close what is open here.
        """
        try:
            self.output.finish()
        finally:
            self.cut()

    def cut(self) -> None:
        """
        Close what leads to the worker; what has been closed already is let be.
        """
        try:
            self.conversation.close()
            self.records.finish()
            self.stacks.close()
        finally:
            self.wires.cut()

    def _given(self) -> None:
        self.output.spawned(self.child)
        self.wires.given()

    def _spawn(self, rooms: Rooms, recipe: Recipe, slot: int, id: int) -> None:
        streams = self.output.childFDs()
        tallies = talliesFor(rooms.limits)
        with recipe.inherited.copies(streams) as found:
            given = {**streams, **found}
            first = firstGap(given)
            ports = [number for number in found if number in recipe.inherited.numbers]
            self.child.start(
                rooms.reactor,
                rooms.templates,
                recipe,
                recipe.environmentOf(slot, id, first, tallies, ports),
                {**given, **self.wires.childFDs(first)},
            )
