"""
What may take as long as others like: done aside, by a thread that nobody waits for.

Who has the same socket can hold its lock for as long as it likes: with a C{send} from
memory that is not there, and that nobody brings. What needs the lock sleeps meanwhile,
and no signal wakes it up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

# Seconds: from one look at a thread to the next, and how many in a row it sleeps where
# nothing wakes it.
LOOK = 0.01
DEEP = 4
# Where the system does not tell how it sleeps, and of one that gets no CPU. It is counted
# in looks: while this process is stopped nobody keeps it from anything.
LONGEST = 1.0


class Aside(Generic[T]):
    """
    One call.

    @ivar begun: When it began, in monotonic seconds.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        """
        @param call: Must let other threads run whatever it waits for.
        @raise RuntimeError: If the system has no thread to spare.
        """
        self.begun = time.monotonic()
        self._call = call
        self._ended = Event()
        self._lock = Lock()
        self._late: Callable[[T], object] | None = None
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="aside", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            result = self._call()
            with self._lock:
                self._result.append(result)
                late = self._late
            if late is not None:
                late(result)
        except BaseException as error:
            self._error = error
        self._ended.set()

    def isDone(self, within: float = 0.0) -> bool:
        """
        Whether it is over.

        @param within: Seconds to wait for that at most.
        """
        return self._ended.wait(within)

    def isAsleep(self) -> bool:
        """
        Whether it sleeps so that no signal would wake it up, just now, as far as the
        system tells.
        """
        return _sleepsDeeply(self._thread.native_id)

    def isStuck(self) -> bool:
        """
        Wait until it is over, or sleeps so that no signal would wake it up.
        """
        deep = 0
        for _ in range(round(LONGEST / LOOK)):
            if self.isDone(LOOK):
                return False
            deep = deep + 1 if self.isAsleep() else 0
            if deep == DEEP:
                break
        return True

    def leave(self, late: Callable[[T], object]) -> bool:
        """
        Wait for it no more.

        @param late: Called with what it returns after all, by its thread.
        @return: Whether it had returned nothing yet.
        """
        with self._lock:
            self._late = late
            return not self._result

    def result(self) -> T:
        """
        What it has returned, or raised; it is over.
        """
        if self._error is not None:
            raise self._error
        return self._result[0]


def aside(work: Callable[[], T], late: Callable[[T], object]) -> T:
    """
    Call something that may never come back.

    @param late: Called with what comes when nobody waits for it any more, in a thread.
    @return: What it returns.
    @raise TimeoutError: If it does not come back: it goes on by itself.
    """
    try:
        call = Aside(work)
    except RuntimeError:
        # No thread can be had.
        return work()
    if call.isStuck() and call.leave(late):
        raise TimeoutError("another process keeps it from coming back")
    return call.result()


def _sleepsDeeply(thread: int | None) -> bool:
    try:
        with open(f"/proc/self/task/{thread}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] == b"D"
    except OSError:
        return False
