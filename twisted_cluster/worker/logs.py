"""
A worker's log records, on their way to the primary.
"""

from __future__ import annotations

import socket

from twisted.logger import ILogObserver, LogEvent, LogLevel, eventAsText
from zope.interface import implementer

from twisted_cluster.core.records import Record, packRecord
from twisted_cluster.wire.descriptors import LOG


@implementer(ILogObserver)
class RecordWriter:
    """
    Writes each event as one datagram, so that neither threads nor children of this
    process can tear one apart.
    """

    def __init__(self, end: socket.socket) -> None:
        """
        @param end: The worker's end of the log; what has no room there waits.
        """
        self._end = end

    def __call__(self, event: LogEvent) -> None:
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        level = event.get("log_level") or LogLevel.info
        system = event.get("log_system")
        if system is None:
            # As Twisted's own text log has it.
            system = f"{event.get('log_namespace', '-')}#{level.name}"
        try:
            self._end.send(packRecord(Record(level.name, str(system), text)))
        except OSError:
            # There is no primary any more, and nowhere else to say anything.
            pass


def observer() -> object:
    """
    What twistd's C{--logger} calls.
    """
    from twisted.internet import reactor

    first: int = reactor.clusterLink.told.first  # type: ignore[attr-defined]
    return RecordWriter(socket.socket(fileno=first + LOG))
