"""
Who has descriptors on their way.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading

import pytest

from tests.process.cluster import eventually
from twisted_cluster.wire import inflight
from twisted_cluster.wire.inflight import Count, inFlight

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nobody tells")

CHILD = """
import socket, sys
one, other = socket.socketpair()
socket.send_fds(one, [b"x"], [0] * 20)
print(flush=True)
sys.stdin.read()
"""


def test_whatIsSentAndNotReceivedIsCounted() -> None:
    """
    In all sockets that a process has.
    """
    me = os.getpid()
    before = inFlight(me)
    one, other = socket.socketpair()
    with one, other:
        socket.send_fds(one, [b"x"], [0] * 20)
        socket.send_fds(other, [b"x"], [0] * 3)
        assert inFlight(me) == before + 23
    assert inFlight(me) == before
    assert inFlight(2**22 + 1) == 0


def test_whateverIsWrongItEnds(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With what is known by then.
    """

    def fail(pid: int) -> int:
        if pid == 2:
            raise MemoryError
        return 5

    monkeypatch.setattr(inflight, "inFlight", fail)
    monkeypatch.setattr(threading, "excepthook", lambda failure: None)
    count = Count([2**22 + 1, 2])
    eventually(lambda: count.found is not None, "it is over")
    assert count.found == {2**22 + 1: 5}


def test_whatChildrenHaveIsTheirs() -> None:
    """
    Who is gone has none.
    """
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import os; os.fork() and os.wait() or exec('''{CHILD}''')",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        parent.stdout.readline()
        count = Count([parent.pid, 2**22 + 1])
        eventually(lambda: count.found is not None, "they are counted")
        assert count.found == {parent.pid: 20, 2**22 + 1: 0}
        parent.stdin.close()
