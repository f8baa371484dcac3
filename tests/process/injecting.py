"""
Clusters on machines that fail in some way.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

from tests.process.cluster import environment

# What each process of a cluster runs before anything else.
BEGIN = """
import errno, mmap, os, socket, sys, time

# Tests start it in a session of its own.
isPrimary = os.getsid(0) == os.getpid()
"""

# Clocks are so many seconds ahead as a file says.
CLOCKS = """
with open(os.environ["CLOCK"], "r+b") as file:
    ahead = memoryview(mmap.mmap(file.fileno(), 8)).cast("q")

def move(name):
    real, unit = getattr(time, name), 1_000_000_000 if name.endswith("_ns") else 1
    setattr(time, name, lambda: real() + ahead[0] * unit)

for name in os.environ["CLOCKS"].split():
    if isPrimary or "WORKERS_TOO" in os.environ:
        move(name)
"""

# While a file is there, the primary's messages are refused as if wires were full.
FULL = """
def refuse(name):
    real = getattr(socket.socket, name)

    def send(self, *arguments):
        if self.type == socket.SOCK_SEQPACKET and os.path.exists(os.environ["FULL"]):
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return real(self, *arguments)

    setattr(socket.socket, name, send)

if isPrimary:
    refuse("send")
    refuse("sendmsg")
"""

# While a file is there, the system has no room for more processes; in it, how often
# one was asked for.
NO_ROOM = """
def refuse(name):
    real = getattr(os, name)

    def start(*arguments, **options):
        if os.path.exists(os.environ["NO_ROOM"]):
            with open(os.environ["NO_ROOM"], "a") as file:
                file.write("x")
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return real(*arguments, **options)

    setattr(os, name, start)

if isPrimary:
    for name in ("fork", "posix_spawn", "posix_spawnp"):
        refuse(name)
"""


def injected(directory: Path, text: str, **more: str) -> dict[str, str]:
    """
    An environment in which every Python process begins with a text, to which
    C{isPrimary} says where it runs.

    @param more: Of the environment.
    """
    place = directory / "injected"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(BEGIN + text)
    path = os.pathsep.join([str(place), environment()["PYTHONPATH"]])
    return {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **more}


class Clock:
    """
    What a cluster takes for the time.

    @ivar env: For the cluster to have this clock.
    """

    def __init__(self, directory: Path, names: str, workersToo: bool = True) -> None:
        """
        @param names: The functions of the module C{time} that it moves.
        @param workersToo: Whether it is also the workers'.
        """
        self._file = directory / "clock"
        self._ahead = 0
        self._file.write_bytes(bytes(8))
        more = {"WORKERS_TOO": "1"} if workersToo else {}
        place = str(self._file)
        self.env = injected(directory, CLOCKS, CLOCK=place, CLOCKS=names, **more)

    def jump(self, seconds: int) -> None:
        """
        Set it, forward or back.
        """
        self._ahead += seconds
        with open(self._file, "r+b") as file:
            file.write(struct.pack("=q", self._ahead))

    def hurry(self, seconds: int) -> None:
        """
        Let so much time pass soon, and slowly enough that hearts are seen to beat.
        """
        for _ in range(seconds):
            self.jump(1)
            time.sleep(0.06)


def wallClock(directory: Path, workersToo: bool = True) -> Clock:
    """
    The time of day, which somebody sets.
    """
    return Clock(directory, "time time_ns", workersToo)


def anyClock(directory: Path) -> Clock:
    """
    Time itself, which goes faster: all clocks of all processes.
    """
    return Clock(directory, "time time_ns monotonic monotonic_ns")
