"""
A worker's ends of its wires.
"""

from __future__ import annotations

import os
import socket

from attrs import frozen

from twisted_cluster.wire.descriptors import CONTROL, HANDOFF, LOG, MAIL, PAGE, STACKS


@frozen
class Ends:
    """
    @ivar page: Its file.
    @ivar stacks: Where it writes where it is.
    @ivar output: Its standard output.
    @ivar directory: Where it may make files.
    @ivar ports: Numbers that are bound already.
    """

    control: socket.socket
    handoff: socket.socket
    mail: socket.socket
    log: socket.socket
    page: int
    stacks: int
    output: int
    directory: str
    ports: tuple[int, ...] = ()

    @classmethod
    def inherited(cls, first: int, directory: str, ports: tuple[int, ...]) -> Ends:
        """
        Those of this process, which is a worker; copies, for it goes on with its own.
        """

        def end(wire: int) -> socket.socket:
            return socket.socket(fileno=os.dup(first + wire))

        return cls(
            end(CONTROL),
            end(HANDOFF),
            end(MAIL),
            end(LOG),
            os.dup(first + PAGE),
            os.dup(first + STACKS),
            os.dup(1),
            directory,
            ports,
        )

    def close(self) -> None:
        """
        Close them.
        """
        for end in (self.control, self.handoff, self.mail, self.log):
            end.close()
        for fd in (self.page, self.stacks, self.output):
            os.close(fd)
