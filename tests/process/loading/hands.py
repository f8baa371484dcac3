"""
Which connections a process has in its hands, as the kernel knows it. Linux.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

# The number of pidfd_getfd, on every architecture.
PIDFD_GETFD = 438
_libc = ctypes.CDLL(None, use_errno=True)


def portsHeld(pid: int, port: int) -> set[int]:
    """
    @param port: The server's.
    @return: The clients' ports of the connections that the process has.
    """
    found = set()
    handle = os.pidfd_open(pid)
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            fd = _libc.syscall(PIDFD_GETFD, handle, int(number), 0)
            if fd < 0:
                continue
            client = _clientOf(fd, port)
            if client:
                found.add(client)
    finally:
        os.close(handle)
    return found


def _clientOf(fd: int, port: int) -> int:
    try:
        connection = socket.socket(fileno=fd)
    except OSError:
        os.close(fd)
        return 0
    with connection:
        with suppress(OSError, TypeError, IndexError):
            if connection.getsockname()[1] == port:
                return int(connection.getpeername()[1])
        return 0


def stopped(pid: int, port: int) -> set[int]:
    """
    Stop a process, and wait until it stands.

    @return: As L{portsHeld}.
    @raise OSError: If it is gone.
    """
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 5
    while not _stands(pid) and time.monotonic() < deadline:
        time.sleep(0.0005)
    return portsHeld(pid, port)


def _stands(pid: int) -> bool:
    """
    Whether all of its threads do.
    """
    states = [
        stat.read_text().rpartition(")")[2].split()[0]
        for stat in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return all(state == "T" for state in states)
