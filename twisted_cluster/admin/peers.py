"""
Who is at the other end of a UNIX socket.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import NamedTuple

# Linux: the numbers of the process, its user and its group.
_UCRED = struct.Struct("iII")
# BSD and macOS: a version, the user; groups follow.
_XUCRED = struct.Struct("II")
_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_SIZE = 0, 1, 76


class Peer(NamedTuple):
    """
    @ivar pid: Its process; L{None} where the system does not tell.
    """

    uid: int
    pid: int | None = None

    def __str__(self) -> str:
        return f"uid {self.uid}" + ("" if self.pid is None else f", pid {self.pid}")

    @property
    def mayControl(self) -> bool:
        """
        Whether it is root, or who this process is.
        """
        return self.uid in (0, os.geteuid())


def peerOf(connection: socket.socket) -> Peer | None:
    """
    @return: L{None} where the system does not tell: the file's permissions must do.
    @raise OSError: If it is no connection any more.
    """
    if hasattr(socket, "SO_PEERCRED"):
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        pid, uid, _ = _UCRED.unpack(data)
        return Peer(uid, pid or None)
    try:
        data = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_SIZE)
        return Peer(_XUCRED.unpack_from(data)[1])
    except (OSError, struct.error):
        return None
