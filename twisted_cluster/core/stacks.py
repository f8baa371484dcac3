"""
What a worker's stacks say, as C{faulthandler} writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from attrs import frozen

_THREAD = re.compile(r"^(?:Current thread|Thread) .*\(most recent call first\):$")
_FRAME = re.compile(r'^  File (".*"|\S+), line (\d+|\?\?\?) in (.*)$')
# What comes instead of more than a hundred threads.
_MORE = "..."


@frozen
class Frame:
    """
    A call that is under way.
    """

    file: str
    line: str
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


def mainFrames(stacks: str) -> Sequence[Frame]:
    """
    @param stacks: Of every thread.
    @return: Where the main thread is, the innermost first. It is the last one; where
        there are more than can be told, the one that has heard the signal.
    """
    threads: list[list[Frame]] = []
    current: list[Frame] = []
    isCut = False
    for line in stacks.splitlines():
        if _THREAD.match(line):
            threads.append([])
            if line.startswith("Current"):
                current = threads[-1]
        elif found := _FRAME.match(line):
            if threads:
                threads[-1].append(Frame(found[1].strip('"'), found[2], found[3]))
        else:
            isCut = isCut or line == _MORE
    return current if isCut or not threads else threads[-1]


def whereIn(
    frames: Sequence[Frame], others: Iterable[Callable[[str], bool]]
) -> Frame | None:
    """
    @param others: Say of a file that it is not the application's own; each leaves more
        to it than the one before.
    @return: The innermost call of the application's; if there is none, any.
    """
    for isOthers in others:
        for frame in frames:
            if not isOthers(frame.file):
                return frame
    return frames[0] if frames else None
