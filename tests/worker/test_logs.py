"""
What a worker's log records say.
"""

from __future__ import annotations

import socket

from twisted.logger import LogEvent, LogLevel

from twisted_cluster.core.records import LONGEST_RECORD, Record, readRecord
from twisted_cluster.worker.logs import RecordWriter


def written(event: LogEvent) -> Record:
    """
    What becomes of an event.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        RecordWriter(ours)(event)
        return readRecord(theirs.recv(LONGEST_RECORD))


def test_levelIsToBeSeen() -> None:
    """
    As in the log of one process, beside who says it.
    """
    event = {"log_format": "slow", "log_namespace": "shop", "log_level": LogLevel.warn}
    assert written(event) == Record("warn", "shop#warn", "slow")


def test_whoeverNamesItselfKeepsItsName() -> None:
    """
    What twisted.python.log writes has names such as C{-} and C{HTTPChannel,1}.
    """
    event = {"log_format": "hello", "log_system": "-", "log_level": LogLevel.info}
    assert written(event) == Record("info", "-", "hello")
