"""
Numbers in words, the same in all that is said.
"""

from __future__ import annotations

# From which number of seconds on each unit is used, and how many seconds it has.
_UNITS = ((172_800.0, 86_400.0, "d"), (7_200.0, 3_600.0, "h"), (180.0, 60.0, "min"))


def duration(seconds: float) -> str:
    """
    @return: How long, as exactly as people want to know: C{"0.4 s"}, C{"45 s"},
        C{"5 min"}, C{"3 h"}, C{"12 d"}.
    """
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    for least, unit, name in _UNITS:
        if seconds >= least:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def several(count: int, noun: str) -> str:
    """
    @return: How many of something: C{"1 connection"}, C{"2 connections"}.
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def serving(count: int, wanted: int) -> str:
    """
    @return: How many workers serve of those that are to: C{"1 of 3 workers serves"}.
    """
    verb = "serves" if count == 1 else "serve"
    return f"{count} of {several(wanted, 'worker')} {verb}"
