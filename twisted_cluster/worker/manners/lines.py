"""
How protocols of lines take leave that have a word for it: between two commands.
"""

from __future__ import annotations

from typing import Any

from twisted_cluster.worker.manners.parting import Parting, isSending
from twisted_cluster.worker.ports.connections import CountedServer

WHY = b"this server restarts"


class LineManner:
    """
    What they have in common.
    """

    def __init__(self, protocol: Any, connection: CountedServer, now: float) -> None:
        self.protocol = protocol
        self._connection = connection
        self._parting = Parting(connection)

    def isIdle(self) -> bool:
        """
        Whether no command is under way, and nothing that needs several.
        """
        raise NotImplementedError

    def say(self) -> None:
        """
        Say that the server ends.
        """
        raise NotImplementedError

    def look(self, now: float) -> None:
        """
        Say so, and close, as soon as nothing is under way.
        """
        if self._parting.hasBegun:
            self._parting.look(now)
        elif self.isIdle() and not self._isBusy():
            self.say()
            self.protocol.setTimeout(None)
            self.protocol.dataReceived = _ignore
            self._parting.begin(now)

    def _isBusy(self) -> bool:
        here = self._connection
        return bool(self.protocol._buffer or here.disconnecting or isSending(here))


class SMTPManner(LineManner):
    """
    With 421, not within a mail.

    @see: RFC 5321, section 3.8
    """

    def isIdle(self) -> bool:
        return self.protocol.mode == "COMMAND" and not self.protocol._from

    def say(self) -> None:
        self.protocol.sendCode(421, WHY)


class IMAPManner(LineManner):
    """
    With BYE.

    @see: RFC 9051, section 7.1.5
    """

    def isIdle(self) -> bool:
        return self.protocol.blocked is None and self.protocol.parseState in (
            "command",
            "idle",
        )

    def say(self) -> None:
        self.protocol.sendUntaggedResponse(b"BYE " + WHY)


class FTPManner(LineManner):
    """
    With 421, when no file is under way.

    @see: RFC 959, section 5.4
    """

    def isIdle(self) -> bool:
        return not self.protocol.paused and self.protocol.dtpInstance is None

    def say(self) -> None:
        self.protocol.sendLine(b"421 " + WHY)


def _ignore(data: bytes) -> None:
    pass
