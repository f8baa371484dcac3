"""
What the parsers of first bytes have in common.

Each is a function of what has come so far, from the first byte on. It gives a frozen
value, or L{MORE}, or L{None} if this is not its format, or not clearly. It raises
nothing, whatever comes; a value once given stays the same whatever follows; and its time
is linear in what it is given. All have limits of their own.

What is L{None} is recognised by the first byte that cannot be, where that costs little,
and by the last one at the latest.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final


class NeedMore(Enum):
    """
    What came can be the beginning of a message, and is not the whole of it.
    """

    MORE = "more"


MORE: Final = NeedMore.MORE

_LABEL = rb"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_isName = re.compile(rb"(?:%b\.)*%b\.?" % (_LABEL, _LABEL)).fullmatch


def hostName(name: bytes) -> str:
    """
    @param name: As a client wrote it.
    @return: The same in lower case, without a dot at the end; empty if it is no name
        that a host can have: longer than 253 bytes, or not ASCII letters, digits,
        hyphens and underscores in labels of at most 63.
    @see: RFC 1123, 2.1
    """
    name = name.lower()
    if len(name) > 254 or not _isName(name):
        return ""
    return name.decode("ascii").removesuffix(".")
