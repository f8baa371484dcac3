"""
What /proc says: what processes cost, and whether the machine is calm enough to measure.
"""

from __future__ import annotations

import os
import random
import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

DISTURBED = 0.05  # share of the machine
UNEVEN = 0.15
QUIET_LIMIT = 20.0
SPELLS = 100
TICKS = os.sysconf("SC_CLK_TCK")
# Ports that somebody here is about to listen on.
_given: set[int] = set()


# Processes


def _stat(pid: int) -> list[str]:
    """
    Fields of /proc/PID/stat from the third (the state) on.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def birth(pid: int) -> str | None:
    """
    When a process started, which with its number makes it unique; None: it is gone.
    """
    try:
        fields = _stat(pid)
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def commandLine(pid: int) -> bytes:
    """
    @return: What a process was started with; nothing if it is gone.
    """
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def descendants(pid: int) -> list[int]:
    """
    @return: Every living child of a process, and theirs.
    """
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, children.read_text().split()):
                found += [child, *descendants(child)]
    return found


def _schedule(pid: int, field: int) -> float:
    """
    Seconds, summed over the threads of a process; exact, not sampled by ticks.
    """
    total = 0
    for threads in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):
            total += int(threads.read_text().split()[field])
    return total / 1e9


def cpuSeconds(pid: int) -> float:
    """
    @return: What all threads of a process have run.
    """
    return _schedule(pid, 0)


def busySeconds(pid: int) -> float:
    """
    @return: The same, and how long they waited for a processor.
    """
    return _schedule(pid, 0) + _schedule(pid, 1)


def endedSeconds(pid: int) -> float:
    """
    @return: What children of a process, and theirs, had run when they ended; in ticks.
    """
    try:
        fields = _stat(pid)
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / TICKS


def descriptors(pid: int) -> int:
    """
    @return: How many descriptors a process has open.
    """
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory(pid: int) -> tuple[int, int]:
    """
    @return: (PSS, USS) in bytes.
    """
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = {k: int(v) for k, v in re.findall(r"^(\w+): +(\d+) kB", text, re.M)}
    unique = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return kilobytes["Pss"] * 1024, unique * 1024


# The whole machine


def _ticks() -> list[int]:
    line = Path("/proc/stat").read_text().splitlines()[0]
    return [int(field) for field in line.split()[1:]]


def machineSeconds() -> float:
    """
    @return: CPU seconds so far of the whole machine.
    """
    user, nice, system, _, _, irq, softirq, *_ = _ticks()
    return (user + nice + system + irq + softirq) / TICKS


def stolenSeconds() -> float:
    """
    @return: CPU seconds so far that the host of a virtual machine kept from it.
    """
    return _ticks()[7] / TICKS


def waitForQuiet() -> None:
    """
    Wait until other programs leave the machine alone, L{QUIET_LIMIT} at most.
    """
    deadline = time.monotonic() + QUIET_LIMIT
    while time.monotonic() < deadline:
        before = machineSeconds()
        time.sleep(0.5)
        if (machineSeconds() - before) / 0.5 / (os.cpu_count() or 1) <= DISTURBED:
            return


def freePort() -> int:
    """
    @return: A port below those that the kernel gives to clients, another each time.
    """
    while True:
        port = random.randrange(15000, 30000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


@dataclass(frozen=True)
class Calm:
    """
    What the machine is like before anything is measured.

    @ivar others: Share of it that other programs have, 0 to 1.
    @ivar stolen: Share that its host keeps from it.
    @ivar unevenness: How much longer the same work takes in one of ten cases than at
        best, in CPU time: neighbours on the same core, or a clock that changes.
    """

    others: float
    stolen: float
    unevenness: float

    @property
    def isCalm(self) -> bool:
        """
        Whether figures are worth something.
        """
        most = max(self.others, self.stolen)
        return most <= DISTURBED and self.unevenness <= UNEVEN

    def __str__(self) -> str:
        verdict = "calm" if self.isCalm else "NOT CALM, do not believe the figures"
        return (
            f"The machine before the run: {verdict} (other programs {self.others:.0%}, "
            f"stolen {self.stolen:.0%}, the same work {self.unevenness:.0%} longer)."
        )


def _work() -> float:
    """
    @return: CPU seconds that a fixed piece of work took.
    """
    before = time.thread_time()
    sum(range(50_000))
    return time.thread_time() - before


def look(patient: bool, seconds: float = 1.0) -> Calm:
    """
    See what the machine is like.

    @param patient: Whether to wait for quiet first.
    """
    if patient:
        waitForQuiet()
    available = seconds * (os.cpu_count() or 1)
    machine, stolen = machineSeconds(), stolenSeconds()
    time.sleep(seconds)
    others = (machineSeconds() - machine) / available
    taken = sorted(_work() for _ in range(SPELLS))
    unevenness = taken[SPELLS * 9 // 10] / taken[0] - 1
    return Calm(others, (stolenSeconds() - stolen) / available, unevenness)
