"""
Sockets that all workers have.
"""

from __future__ import annotations

import os
import sys
import threading

import pytest

from tests.primary.primary import Primary
from tests.process.cluster import eventually
from twisted_cluster.events import TCP, ListenSpec
from twisted_cluster.primary.lives.suspects import Suspects

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="as Linux has it")


def test_withoutAThreadItIsLookedAtLater(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    When the system has one to spare.
    """
    primary = Primary(lambda: None)
    listener = primary.table.hold(ListenSpec(TCP, "127.0.0.1"))
    suspects = Suspects(primary.table, lambda: [])
    listener.socket.setblocking(True)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", noThread)
        suspects.look()

    def isMended() -> bool:
        suspects.look()
        return not os.get_blocking(listener.fileno())

    eventually(isMended, "it is mended")
    primary.table.closeAll()


def noThread(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
