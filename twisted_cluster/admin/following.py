"""
Who reads the log over the control socket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IPushProducer
from twisted.logger import LogEvent
from twisted.web.server import Request
from zope.interface import implementer

from twisted_cluster.admin.recent import Recent
from twisted_cluster.core.words import several

# What waits for a reader who does not keep up; what comes then is dropped, and counted.
MOST_WAITING = 1 << 18


@implementer(IPushProducer)
class Follower:
    """
    One reader.
    """

    def __init__(
        self,
        request: Request,
        recent: Recent,
        isMeant: Callable[[LogEvent], bool],
        form: Callable[[LogEvent], str],
    ) -> None:
        """
        @param isMeant: Whether it wants to read of an event.
        @param form: Makes text of one.
        """
        self._request = request
        self._recent = recent
        self._isMeant = isMeant
        self._form = form
        self._isPaused = False
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0

    def show(self, count: int) -> None:
        """
        Tell of the last events, so many at most.
        """
        meant = [one for one in self._recent.events() if self._isMeant(one)]
        for event in meant[max(0, len(meant) - count) :]:
            self._request.write(self._form(event).encode())

    def follow(self) -> None:
        """
        Tell of what comes, until the reader leaves.
        """
        request = self._request
        # So that the reader knows that it is heard.
        request.write(b"")
        request.notifyFinish().addBoth(self._stop)
        request.registerProducer(self, True)
        self._recent.listeners.append(self.hear)

    def hear(self, event: LogEvent) -> None:
        """
        Something was logged.
        """
        if not self._isMeant(event):
            return
        line = self._form(event).encode()
        if not self._isPaused:
            self._request.write(line)
        elif self._size + len(line) > MOST_WAITING:
            self._dropped += 1
        else:
            self._waiting.append(line)
            self._size += len(line)

    def end(self) -> None:
        """
        Nothing more comes.
        """
        self._request.unregisterProducer()
        self._request.finish()

    def pauseProducing(self) -> None:
        """
        It does not keep up.
        """
        self._isPaused = True

    def resumeProducing(self) -> None:
        """
        It has read what there was.
        """
        self._isPaused = False
        while self._waiting and not self._isPaused:
            line = self._waiting.popleft()
            self._size -= len(line)
            self._request.write(line)
        if self._dropped and not self._isPaused:
            dropped, self._dropped = self._dropped, 0
            said = f"[{several(dropped, 'event')} dropped: this reader is too slow]\n"
            self._request.write(said.encode())

    def stopProducing(self) -> None:
        """
        It has left.
        """
        self._stop(None)

    def _stop(self, _: object) -> None:
        if self.hear in self._recent.listeners:
            self._recent.listeners.remove(self.hear)
        self._waiting.clear()
