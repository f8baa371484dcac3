"""
Orphans of process 1.
"""

from __future__ import annotations

import subprocess
import sys

from tests.process.cluster import environment

PRELUDE = """
import os, subprocess, sys
from twisted.internet import process
from twisted_cluster.primary.lives.reaping import LEFT_ALONE, MOST_REAPED, Reaper

now = 0.0
reaper = Reaper(lambda: now)

def ended(code=0):
    pid = os.fork()
    if not pid:
        os._exit(code)
    # It has ended, and is not reaped.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid

def count():
    path = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
    return len(open(path).read().split())

def after(seconds):
    global now
    now += seconds
    reaper.reap()
    return count()
"""


def run(program: str) -> str:
    """
    @return: What a process of its own prints: nobody else's children are reaped.
    """
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_orphansAreReapedAfterAWhileSomeAtATime() -> None:
    """
    A turn is not held up by any number of them.
    """
    program = """
for _ in range(MOST_REAPED + 3):
    ended()
print(after(0) - MOST_REAPED, after(LEFT_ALONE - 1) - MOST_REAPED, after(1), after(1))
"""
    assert run(program) == "3 3 3 0"


def test_eachHasItsOwnTime() -> None:
    """
    One that has ended lately is not reaped with one that has long since.
    """
    program = """
ended()
after(LEFT_ALONE / 2)
ended()
print(after(LEFT_ALONE / 2), after(LEFT_ALONE / 2), after(LEFT_ALONE / 2))
"""
    assert run(program) == "2 1 0"


def test_theApplicationsOwnIsLeftToIt() -> None:
    """
    It learns what its child has ended with, whoever else has ended before.
    """
    program = """
orphan = ended()
after(0)
own = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
os.waitid(os.P_PID, own.pid, os.WEXITED | os.WNOWAIT)
print(after(LEFT_ALONE), own.poll(), after(LEFT_ALONE))
"""
    assert run(program) == "1 3 0"


def test_twistedsChildrenAreLeftToTwisted() -> None:
    """
    However long it takes.
    """
    program = """
process.reapProcessHandlers[ended()] = None
after(0)
print(after(LEFT_ALONE), after(LEFT_ALONE))
"""
    assert run(program) == "1 1"


def test_whoLivesIsLetBe() -> None:
    """
    Nothing is waited for.
    """
    program = """
living = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
ended()
after(0)
print(after(LEFT_ALONE), living.poll())
living.communicate(b"x")
"""
    assert run(program) == "1 None"
