"""
What process tests share.
"""

from __future__ import annotations

from pathlib import Path

import pytest

HELLO = '''
import os, sys, time
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol


class Greet(Protocol):
    """
    Says who it is, at once, and closes.
    """

    def connectionMade(self):
        self.transport.write(b"%d" % os.getpid())
        self.transport.loseConnection()


class Obey(Protocol):
    """
    Does what it is told.
    """

    def dataReceived(self, data):
        word = data.decode().strip()
        if word == "pid":
            self.transport.write(b"%d\\n" % os.getpid())
        elif word == "print":
            print("printed line")
            os.write(2, b"stray line\\n")
        elif word == "slow":
            reactor.callLater(1.0, self.finish)
        elif word == "peer":
            self.transport.write(repr(self.transport.getPeer()).encode())
            self.transport.loseConnection()
        elif word == "fds":
            self.transport.write(b"%d\\n" % len(os.listdir("/proc/self/fd")))

    def finish(self):
        self.transport.write(b"done")
        self.transport.loseConnection()


greet = Factory.forProtocol(Greet)
obey = Factory.forProtocol(Obey)
'''


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """
    A directory with an application, C{hello}.
    """
    (tmp_path / "hello.py").write_text(HELLO)
    return tmp_path
