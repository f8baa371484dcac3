"""
Listening sockets that only the primary holds.
"""

from __future__ import annotations

import pytest
from twisted.internet.testing import MemoryReactorClock

from tests.primary.primary import Primary
from tests.wire.poor import fewDescriptors
from twisted_cluster.errors import HandleError
from twisted_cluster.events import TCP, ListenSpec
from twisted_cluster.primary.lives.held import HeldListeners


def test_withoutADescriptorItIsLost() -> None:
    """
    As what comes with its message where none is free, and not the message.
    """
    primary = Primary()
    listener = primary.table.hold(ListenSpec(TCP, "127.0.0.1"))
    held = HeldListeners(primary.table, MemoryReactorClock())
    with fewDescriptors(0), pytest.raises(HandleError, match="no descriptor"):
        held.handleOf(listener.number, b"")
    with held.handleOf(listener.number, b"").socket as copy:
        assert held.numberOf(copy.fileno()) == listener.number
    primary.table.closeAll()
