"""
A timer that can be read: timerfd_create(2), which Python has only from 3.13 on.
"""

from __future__ import annotations

import ctypes
import os
import time

from twisted_cluster.wire.libc import library


class _Seconds(ctypes.Structure):
    _fields_ = [("whole", ctypes.c_long), ("nano", ctypes.c_long)]


class _Setting(ctypes.Structure):
    _fields_ = [("every", _Seconds), ("once", _Seconds)]


class TimerFD:
    """
    Can be read some time after it was set; the wall clock is nothing to it. It is closed
    when nobody has it any more, as a socket is.
    """

    def __init__(self) -> None:
        """
        @raise OSError: If there is no such thing here.
        """
        self._fd = -1
        self._setting = _Setting()
        self._once = self._setting.once
        self._where = ctypes.byref(self._setting)
        self._libc = library()
        create = getattr(self._libc, "timerfd_create", None)
        if create is not None:
            flags = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
            self._fd = create(time.CLOCK_MONOTONIC, flags)
        if self._fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def fileno(self) -> int:
        """
        The descriptor; -1 once it is closed.
        """
        return self._fd

    def set(self, seconds: float) -> None:
        """
        Have it readable after some time, instead of what was set before.
        """
        # None at all would disarm it.
        nano = max(1, int(seconds * 1e9))
        self._once.whole, self._once.nano = divmod(nano, 10**9)
        self._libc.timerfd_settime(self._fd, 0, self._where, None)

    def clear(self) -> None:
        """
        Have it no longer readable.
        """
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            pass

    def close(self) -> None:
        """
        Close it.
        """
        os.close(self._fd)
        self._fd = -1

    def __del__(self) -> None:
        if self._fd >= 0:
            self.close()
