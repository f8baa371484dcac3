"""
One client: asks, thinks, asks again, on one connection or on a new one each time.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from contextlib import suppress
from typing import Protocol

from tests.process.loading.answers import Answer
from tests.process.loading.outcome import CUT, HUNG, REFUSED, RESET, SERVED, WRONG, Noted

# As often at most on one connection that is kept alive.
MOST_ASKED = 100
CLOSING = b"Connection: close\r\n"
QUESTION = b"GET / HTTP/1.1\r\nHost: load\r\n%s\r\n"


class Crowd(Protocol):
    """
    Whom clients tell.
    """

    def watch(self, fd: int, client: Client, events: int) -> None: ...

    def forget(self, fd: int) -> None: ...

    def ended(self, client: Client, noted: Noted, pid: int = 0) -> None:
        """
        A request is over.
        """

    def retried(self) -> None: ...

    def leftIdle(self, isInOrder: bool) -> None: ...


class Client:
    """
    @ivar begun: When what it asks was wanted; L{None}: it asks nothing.
    """

    def __init__(self, crowd: Crowd, address: tuple[str, int], keepsAlive: bool) -> None:
        self._crowd = crowd
        self._address = address
        self._keepsAlive = keepsAlive
        self._question = QUESTION % (b"" if keepsAlive else CLOSING)
        self._socket: socket.socket | None = None
        self._port = 0
        self._asked = 0
        self._answer = Answer()
        self._isRetried = False
        self.begun: float | None = None

    def ask(self) -> None:
        """
        Ask once.
        """
        self.begun = time.monotonic()
        self._isRetried = False
        self._go()

    def _go(self) -> None:
        self._answer = Answer()
        if self._socket is None:
            self._connect()
        else:
            self._send()

    def _connect(self) -> None:
        self._asked = 0
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # EPOLLOUT tells how it went.
        self._socket.connect_ex(self._address)
        self._crowd.watch(self._socket.fileno(), self, select.EPOLLOUT)

    def happened(self, events: int) -> None:
        """
        There is something to read, or the connection stands, or it does not.
        """
        assert self._socket is not None
        if not self._port and not self._isConnected(self._socket):
            return
        if events & ~select.EPOLLOUT:
            self._read(self._socket)

    def _isConnected(self, client: socket.socket) -> bool:
        error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            # Another error than this one: it stood, and has been reset meanwhile.
            self._fail(REFUSED if error == errno.ECONNREFUSED else RESET)
            return False
        try:
            self._port = client.getsockname()[1]
        except OSError:
            self._fail(RESET)
            return False
        self._crowd.watch(client.fileno(), self, select.EPOLLIN)
        return self._send()

    def _send(self) -> bool:
        assert self._socket is not None
        self._asked += 1
        try:
            self._socket.send(self._question)
        except OSError:
            self._lost()
            return False
        return True

    def _read(self, client: socket.socket) -> None:
        try:
            data = client.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            self._lost(isInOrder=False)
            return
        if self.begun is None:
            # Idle; what a server may say then (408) is no answer either.
            self._lost()
        elif not data:
            self._lost()
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            self._answer.feed(data)
        except ValueError:
            self._fail(WRONG)
            return
        if not self._answer.isComplete:
            return
        if not self._answer.isRight:
            self._fail(WRONG)
            return
        port = self._port
        if not self._keepsAlive or self._answer.isLast or self._asked >= MOST_ASKED:
            self.close()
        self._tell(SERVED, port, self._answer.pid)

    def _lost(self, isInOrder: bool = True) -> None:
        """
        The connection has ended.
        """
        if self.begun is None:
            self.close()
            self._crowd.leftIdle(isInOrder)
        elif self._answer.isBegun:
            self._fail(CUT)
        elif self._asked > 1 and not self._isRetried:
            # RFC 9112, 9.3.1: as browsers do, once.
            self._isRetried = True
            self._crowd.retried()
            self.close()
            self._go()
        else:
            self._fail(RESET)

    def look(self, now: float, patience: float) -> None:
        """
        See whether it waits too long.
        """
        if self.begun is not None and now - self.begun > patience:
            self._fail(HUNG)

    def _fail(self, what: str) -> None:
        port = self._port
        if not port and self._socket is not None:
            with suppress(OSError):
                port = self._socket.getsockname()[1]
        self.close()
        self._tell(what, port)

    def _tell(self, what: str, port: int, pid: int = 0) -> None:
        assert self.begun is not None
        noted = Noted(what, port, self.begun, time.monotonic(), self._keepsAlive)
        self.begun = None
        self._crowd.ended(self, noted, pid)

    def close(self) -> None:
        """
        Leave.
        """
        if self._socket is not None:
            self._crowd.forget(self._socket.fileno())
            self._socket.close()
        self._socket, self._port = None, 0
