"""
Answers of HTTP/1.1 whose length is said, as they arrive.
"""

from __future__ import annotations

import re

# What every answer ends with; before it there is the process that answered, and filling.
END = b"\nend\n"
LONGEST_HEAD = 16384
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CLOSE = re.compile(rb"(?i)\r\nconnection: *close")
_PID = re.compile(rb"\s*(\d+)\s")


class Answer:
    """
    One answer.

    @ivar isComplete: Whether all of it has arrived.
    """

    def __init__(self) -> None:
        self._data = b""
        self._bodyAt = self._length = 0
        self.isComplete = False

    @property
    def isBegun(self) -> bool:
        """
        Whether there is a byte of it.
        """
        return bool(self._data)

    @property
    def isRight(self) -> bool:
        """
        Whether it says that all is well, and has the body that was asked for.
        """
        return self._data.startswith(b"HTTP/1.1 200 ") and self._data.endswith(END)

    @property
    def isLast(self) -> bool:
        """
        Whether the server closes the connection after it.
        """
        return bool(_CLOSE.search(self._data, 0, self._bodyAt))

    @property
    def pid(self) -> int:
        """
        The process that answered, if it has said so; else 0.
        """
        found = _PID.match(self._data, self._bodyAt)
        return int(found[1]) if found else 0

    def feed(self, data: bytes) -> None:
        """
        @raise ValueError: If that can be no answer whose length is said.
        """
        self._data += data
        if not self._bodyAt and not self._findBody():
            return
        missing = self._bodyAt + self._length - len(self._data)
        if missing < 0:
            raise ValueError(f"{-missing} bytes too much")
        self.isComplete = not missing

    def _findBody(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > LONGEST_HEAD:
                raise ValueError("a head without an end")
            return False
        found = _LENGTH.search(self._data, 0, end)
        if found is None:
            raise ValueError("no length")
        self._bodyAt, self._length = end + 4, int(found[1])
        return True
