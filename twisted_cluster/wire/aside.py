"""
Calls that another process can keep from coming back.

Who has the same socket can hold its lock for as long as it likes: with a C{send} from
memory that is not there, and that nobody brings. What needs the lock sleeps meanwhile,
and no signal wakes it up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

# Seconds: from one look at a thread to the next, and how many in a row it sleeps where
# nothing wakes it.
LOOK = 0.01
DEEP = 4
# Where the system does not tell how it sleeps, and of one that gets no CPU.
LONGEST = 1.0


class _Call(Generic[T]):
    """
    One call, in a thread of its own.
    """

    def __init__(self, work: Callable[[], T], late: Callable[[T], object]) -> None:
        self._work = work
        self._late = late
        self._lock = threading.Lock()
        self._isLate = False
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            result = self._work()
        except BaseException as error:
            self._error = error
            return
        with self._lock:
            self._result.append(result)
            isLate = self._isLate
        if isLate:
            self._late(result)

    def result(self) -> T:
        """
        @raise TimeoutError: If it does not come back.
        """
        self._thread.start()
        self._wait()
        with self._lock:
            self._isLate = not self._result
        if self._error is not None:
            raise self._error
        if not self._result:
            raise TimeoutError("another process keeps it from coming back")
        return self._result[0]

    def _wait(self) -> None:
        end, deep = time.monotonic() + LONGEST, 0
        while deep < DEEP and time.monotonic() < end:
            self._thread.join(LOOK)
            if not self._thread.is_alive():
                return
            deep = deep + 1 if _sleepsDeeply(self._thread.native_id) else 0


def aside(work: Callable[[], T], late: Callable[[T], object]) -> T:
    """
    Call something that may never come back.

    @param late: Called with what comes when nobody waits for it any more, in a thread.
    @return: What it returns.
    @raise TimeoutError: If it does not come back: it goes on by itself.
    """
    call = _Call(work, late)
    try:
        return call.result()
    except RuntimeError:
        if call._thread.ident is not None:
            raise
    # No thread can be had.
    return work()


def _sleepsDeeply(thread: int | None) -> bool:
    """
    Whether no signal would wake a thread up.
    """
    try:
        with open(f"/proc/self/task/{thread}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] == b"D"
    except OSError:
        return False
