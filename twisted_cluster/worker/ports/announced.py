"""
Ports of which the primary is told that they are open.
"""

from __future__ import annotations

from twisted_cluster.core.messages import Listening
from twisted_cluster.worker.ports.register import Register


class AnnouncedPort:
    """
    Takes back what it has said, if it is closed before that is told.
    """

    register: Register
    _said: Listening | None = None

    def _say(self, listening: Listening) -> None:
        self._said = listening
        self.register.sayListening(listening)

    def _unsay(self) -> None:
        said, self._said = self._said, None
        if said is not None:
            self.register.takeBack(said)
