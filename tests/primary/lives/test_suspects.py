"""
Sockets that all workers have.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

import pytest
from twisted.internet.task import Clock

from tests.primary.primary import Primary, connect
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
    suspects = Suspects(primary.table, lambda: [], Clock())
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


def test_untilAnotherHasItTheyAreHandedOver() -> None:
    """
    Who comes in by a new socket is served by those who have the broken one, until one of
    their successors has the new one.
    """
    primary = Primary(lambda: None)
    old, new = primary.newWorker(), primary.newWorker()
    listener = primary.join(old, ListenSpec(TCP, "127.0.0.1"))
    assert not primary.gate(listener).isReading
    broken = listener.socket.dup()
    broken.shutdown(socket.SHUT_RDWR)
    listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    primary.table.bindAnew(listener)
    clients = connect(listener, 2)
    assert primary.serve(listener, 2) == 2
    assert old.queue.depth() == 2
    assert primary.join(new, listener.spec, listener=listener.number) is listener
    assert not primary.gate(listener).isReading
    for one in (broken, *clients):
        one.close()
    primary.close()
