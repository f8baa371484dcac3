"""
The wires that this worker was born with.
"""

from __future__ import annotations

import socket
from functools import partial

from attrs import frozen

from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.descriptors import (
    CONTROL,
    HANDOFF,
    MAIL,
    PAGE,
    Announcement,
)
from twisted_cluster.wire.page import DOWN, Page


@frozen(eq=False)
class WorkerWires:
    """
    @ivar channel: The control channel.
    @ivar queue: The worker's end of the handoff queue.
    @ivar page: This worker's counters.
    @ivar mail: The worker's end of the mail stream.
    """

    channel: Channel
    queue: socket.socket
    page: Page
    mail: socket.socket

    @classmethod
    def inherit(cls, told: Announcement) -> WorkerWires:
        """
        Use the descriptors that this process was born with.

        @raise OSError: If one of them is none of ours.
        """
        channel = Channel(socket.socket(fileno=told.first + CONTROL))
        queue = socket.socket(fileno=told.first + HANDOFF)
        page = Page.inherit(told.first + PAGE, told.tallies)
        channel.count(partial(setattr, page, "up"), lambda: page.cells[DOWN])
        return cls(channel, queue, page, socket.socket(fileno=told.first + MAIL))
