"""
The primary's listening sockets, as they travel with messages.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from attrs import asdict, frozen

from twisted_cluster.core.messages import HANDOFF, KERNEL
from twisted_cluster.errors import HandleError
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.saying import factsOf
from twisted_cluster.primary.ports.table import ListenerTable
from twisted_cluster.reactors import IAdoptingReactor
from twisted_cluster.talk.handles import Handle, received

# Where this process accepts, or may.
OURS = (HANDOFF, KERNEL)


@frozen
class HeldListeners:
    """
    No worker gets one of those that this process accepts from: it would have the port,
    whatever becomes of it.
    """

    _listeners: ListenerTable
    _reactor: IAdoptingReactor

    def numberOf(self, fd: int) -> int:
        with suppress(OSError):
            asked = os.fstat(fd)
            for number, listener in self._listeners.byNumber.items():
                if listener.mode in OURS and listener.owns(asked):
                    return number
        return 0

    def described(self, number: int) -> bytes:
        return json.dumps(asdict(factsOf(self._listener(number).socket))).encode()

    def handleOf(self, number: int, description: bytes) -> Handle:
        held = self._listener(number)
        try:
            copy = os.dup(held.fileno())
        except OSError as error:
            raise HandleError(f"no descriptor was free for it: {error}") from error
        return received(copy, b"", self._reactor)

    def _listener(self, number: int) -> Listener:
        listener = self._listeners.byNumber.get(number)
        if listener is None or listener.mode not in OURS:
            raise HandleError(f"there is no listener {number} any more")
        return listener
