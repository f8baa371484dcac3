"""
What Linux says of a process, in C{/proc/PID/status}.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen


@frozen
class ProcessStatus:
    """
    @ivar state: Its state, as a letter.
    @ivar tracer: The process that looks at it with a debugger; 0 for none.
    @ivar caught: The signals that it does something of its own upon, as bits.
    """

    state: str = "R"
    tracer: int = 0
    caught: int = 0

    @classmethod
    def parse(cls, text: str) -> ProcessStatus:
        """
        @raise ValueError: If it is no such text.
        """
        lines = (line.partition(":") for line in text.splitlines())
        said: Mapping[str, str] = {name: value.strip() for name, _, value in lines}
        try:
            caught = int(said["SigCgt"], 16)
            return cls(said["State"][:1], int(said["TracerPid"]), caught)
        except KeyError as error:
            raise ValueError(f"nothing is said of {error}") from None

    def catches(self, number: int) -> bool:
        """
        Whether a signal does not end it.
        """
        return number > 0 and bool(self.caught >> (number - 1) & 1)

    @property
    def isStopped(self) -> bool:
        """
        Whether it does nothing until it is told to go on.
        """
        return self.state in ("T", "t")

    @property
    def isGone(self) -> bool:
        """
        Whether it has ended.
        """
        return self.state in ("Z", "X")
