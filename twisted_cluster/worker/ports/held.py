"""
The primary's listening sockets, as they come with messages.
"""

from __future__ import annotations

import json
import os
from functools import partial
from typing import cast

from attrs import frozen
from twisted.internet.interfaces import IListeningPort, IProtocolFactory

from twisted_cluster.core.socket_facts import SocketFacts
from twisted_cluster.errors import HandleError
from twisted_cluster.events import ListenOptions
from twisted_cluster.reactors import IAdoptingReactor
from twisted_cluster.talk.handles import Handle, JoiningHandle
from twisted_cluster.worker.ports.register import HasRegister
from twisted_cluster.worker.ports.standing import StandIn
from twisted_cluster.worker.ports.stream_ports import TCPPort, UNIXPort


def joinPort(
    reactor: HasRegister, facts: SocketFacts, listener: int, factory: IProtocolFactory
) -> IListeningPort:
    """
    Listen where the primary does already.

    @param facts: What its socket says of itself.
    @param listener: The listener's number.
    @raise CannotListenError: If this worker listens there, or nobody does any more.
    """
    made: TCPPort | UNIXPort
    if isinstance(facts.name, str):
        path = os.fsencode(facts.name)
        made = UNIXPort(path, factory, 50, 0o666, reactor, False, ListenOptions())
    else:
        host, port = facts.name[:2]
        made = TCPPort(port, factory, 50, host, reactor, ListenOptions())
    made.listener = listener
    made.startListening()
    return made


@frozen
class JoinedPorts:
    """
    Whoever listens on one of these here joins those who do.
    """

    _reactor: IAdoptingReactor

    def numberOf(self, fd: int) -> int:
        return 0

    def described(self, number: int) -> bytes:
        return b""

    def handleOf(self, number: int, description: bytes) -> Handle:
        try:
            facts = SocketFacts(**json.loads(description))
            standIn = StandIn(facts, number)
        except (OSError, ValueError, TypeError) as error:
            raise HandleError(f"nothing can stand for it: {error}") from None
        reactor = cast(HasRegister, self._reactor)
        join = partial(joinPort, reactor, facts, number)
        return JoiningHandle(standIn, self._reactor, join)
