"""
The wires of one worker: made as one, cut as one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from functools import partial
from io import FileIO
from itertools import count

from attrs import frozen

from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.closing import discardEnd
from twisted_cluster.wire.descriptors import (
    CONTROL,
    HANDOFF,
    LOG,
    MAIL,
    PAGE,
    STACKS,
    WIRES,
)
from twisted_cluster.wire.handoff import (
    KIND,
    HandoffQueue,
)
from twisted_cluster.wire.inherited import FIRST
from twisted_cluster.wire.mail import Mail
from twisted_cluster.wire.page import UP, Page


@frozen(eq=False)
class Wires:
    """
    What this process has of them. The queue and the page it has whole, for as long as
    the worker lives, so that what the worker has not taken can be taken back.

    @ivar mail: This process's end, for a L{Mail}.
    @ivar log: This process's end of the log.
    @ivar stacks: Where it writes what it does, when it is asked.
    @ivar theirs: The worker's ends, by what they are to it, until L{given}.
    """

    page: Page
    queue: HandoffQueue
    channel: Channel
    mail: socket.socket
    log: socket.socket
    stacks: FileIO
    theirs: Mapping[int, socket.socket | FileIO]

    @classmethod
    def make(cls, tallies: int) -> Wires:
        """
        @param tallies: How many tallies the worker keeps on its page.
        @raise OSError: If the system has no room for them; nothing is left open then.
        """
        with ExitStack() as undo:
            page = Page.create(tallies)
            undo.callback(page.close)
            queue = HandoffQueue()
            undo.callback(queue.close)
            channel, control = Channel.pair()
            undo.callback(channel.close)
            # As it was written: it is only compared.
            channel.count(partial(setattr, page, "down"), lambda: page.cells[UP])
            undo.enter_context(control)
            mail, theirMail = Mail.pair()
            undo.enter_context(mail)
            undo.enter_context(theirMail)
            log, theirLog = socket.socketpair(socket.AF_UNIX, KIND)
            undo.enter_context(log)
            undo.enter_context(theirLog)
            stacks, theirStacks = _pipe()
            undo.pop_all()
        theirs: dict[int, socket.socket | FileIO] = {
            **{CONTROL: control, MAIL: theirMail, LOG: theirLog},
            STACKS: theirStacks,
        }
        return cls(page, queue, channel, mail, log, stacks, theirs)

    def childFDs(self, first: int) -> dict[int, int]:
        """
        What C{spawnProcess} is to give the worker.

        @param first: The number that the first of them is to have there.
        """
        kept = {HANDOFF: self.queue.worker.fileno(), PAGE: self.page.fileno()}
        given = {wire: end.fileno() for wire, end in self.theirs.items()}
        return {first + wire: fd for wire, fd in {**kept, **given}.items()}

    def given(self) -> None:
        """
        The worker has its own copies, or there is no worker.
        """
        for end in self.theirs.values():
            end.close()

    def cut(self) -> None:
        """
        Close what is here; what has been closed already is let be.
        """
        self.channel.close()
        self.queue.close()
        discardEnd(self.mail)
        discardEnd(self.log)
        self.stacks.close()
        self.page.close()


def _pipe() -> tuple[FileIO, FileIO]:
    """
    @return: Where to read, and where to write: who cannot goes on.
    """
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    return FileIO(reading, "r"), FileIO(writing, "w")


def firstGap(taken: Collection[int]) -> int:
    """
    The lowest numbers that are free: high ones may be above the worker's limit.

    @return: The first of as many as there are wires.
    """
    return next(
        first
        for first in count(FIRST)
        if not any(first + wire in taken for wire in range(len(WIRES)))
    )
