"""
How long a server takes to end while clients keep connections on which they ask nothing.
"""

from __future__ import annotations

import signal
import socket
import time
from contextlib import ExitStack

from attrs import frozen

from chaos.contender import Contender
from tests.process.loading.answers import Answer

QUESTION = b"GET / HTTP/1.1\r\nHost: load\r\n\r\n"
LONGEST = 60.0


@frozen
class Leaving:
    """
    @ivar seconds: From the signal until no process is left; infinite, if some was.
    @ivar reset: How many connections were not closed in order.
    """

    seconds: float
    reset: int


def stopWithIdlers(contender: Contender, clients: int = 100) -> Leaving:
    """
    Start a server, and end it while so many have had an answer and may ask again.
    """
    contender.start()
    with ExitStack() as stack:
        idlers = [stack.enter_context(_idler(contender.port)) for _ in range(clients)]
        begun = time.monotonic()
        contender.signal(signal.SIGTERM)
        isInTime = contender.ended(LONGEST)
        seconds = time.monotonic() - begun
        reset = sum(not _isClosedInOrder(each) for each in idlers)
    return Leaving(seconds if isInTime else float("inf"), reset)


def _idler(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), 10)
    client.sendall(QUESTION)
    answer = Answer()
    while not answer.isComplete:
        data = client.recv(65536)
        if not data:
            break
        answer.feed(data)
    return client


def _isClosedInOrder(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except OSError:
        return False
