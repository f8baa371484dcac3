"""
Whether this worker may be offered connections, as its application sees it.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


class Readiness:
    """
    A worker is ready unless its application says that it is not, or has yet to finish
    something of its start.

    @ivar isReady: Whether it is.
    @ivar failure: Why it never will be; L{None}: nothing has failed.
    """

    def __init__(
        self, changed: Callable[[bool], None], failed: Callable[[], None]
    ) -> None:
        """
        @param changed: Told whether it is ready, when that has changed.
        @param failed: Called when something of the start has failed.
        """
        self.isReady = True
        self.failure: Failure | None = None
        self._changed = changed
        self._failed = failed
        self._isWanted = True
        self._unfinished = 0

    def say(self, isReady: bool) -> None:
        """
        The application says so itself.
        """
        self._isWanted = bool(isReady)
        self._look()

    def hold(self, start: Deferred[object]) -> None:
        """
        Hold it back until a part of the start is done. If that fails, the start has
        failed.
        """
        self._unfinished += 1
        start.addCallbacks(self._finish, self._fail)
        self._look()

    def _finish(self, result: object) -> object:
        self._unfinished -= 1
        self._look()
        return result

    def _fail(self, failure: Failure) -> None:
        # It stays held back: what there is of the application is not what was wanted.
        if self.failure is None:
            self.failure = failure
            self._failed()

    def _look(self) -> None:
        isReady = self._isWanted and not self._unfinished
        if isReady != self.isReady:
            self.isReady = isReady
            self._changed(isReady)
