"""
A worker's log records, on their way to the primary.
"""

from __future__ import annotations

import json
import os

from twisted.logger import ILogObserver, LogEvent, LogLevel, eventAsText
from zope.interface import provider

from twisted_cluster.core.messages import RECORD


@provider(ILogObserver)
def writeRecord(event: LogEvent) -> None:
    """
    Write an event to standard output, as one line that the primary knows for one.
    """
    text = eventAsText(event, includeTimestamp=False, includeSystem=False)
    level = event.get("log_level") or LogLevel.info
    system = event.get("log_system") or event.get("log_namespace") or "-"
    record = json.dumps([level.name, str(system), text]).encode("ascii")
    line = memoryview(RECORD + record + b"\n")
    while line:
        line = line[os.write(1, line) :]


def observer() -> object:
    """
    What twistd's C{--logger} calls.
    """
    return writeRecord
