"""
How a listening socket turns newcomers away, and keeps those who have come.

A listening socket that is closed resets who has connected and was not accepted yet. So it
is first hidden from who comes new, whom the system refuses at once as if nobody listened;
those in its queue can still be accepted, until there is none.
"""

from __future__ import annotations

import select
import socket
import sys

from twisted_cluster.wire.options import setOption

# Not in the socket module. In Linux since 5.1, and without privileges since 5.7.
SO_BINDTOIFINDEX = 62
# No network device has that number: nobody comes in by it.
NOWHERE = 0x7FFFFFFF


def refuse(listening: socket.socket, mayShutDown: bool = True) -> bool:
    """
    Let nobody connect any more; who has connected can still be accepted, or will be in a
    moment: one whose handshake has begun.

    @param mayShutDown: Whether nobody else accepts from a UNIX socket, for whom it would
        then always be readable.
    @return: Whether the system can do that: else who connects is let in as before.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        if listening.family == socket.AF_UNIX:
            if mayShutDown:
                listening.shutdown(socket.SHUT_RD)
            return mayShutDown
        # What comes for a socket of another device is refused; what has begun is not
        # looked up by device again.
        hide(listening)
    except OSError:
        # An older kernel, or one that is bound to a device already.
        return False
    return True


def hide(one: socket.socket) -> None:
    """
    Let nothing come for a socket any more; if it is of a group, it is that no longer.

    @raise OSError: On a kernel before Linux 5.1; before 5.7 it takes privileges.
    """
    nowhere = NOWHERE.to_bytes(4, sys.byteorder)
    setOption(one.fileno(), socket.SOL_SOCKET, SO_BINDTOIFINDEX, nowhere)


def hasWaiting(listening: socket.socket) -> bool:
    """
    Whether somebody waits to be accepted.
    """
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    return bool(poll.poll(0))
