"""
What a worker cannot truly say of itself.
"""

from __future__ import annotations

from attrs import define

# Nanoseconds: who looks may have asked for the time a while ago.
AHEAD = 1_000_000_000


@define(eq=False)
class Lies:
    """
    Finds what cannot be so in what one worker says from time to time: with it the primary
    would reckon for ever.
    """

    _beat: int = 0
    _taken: int = 0

    def ofBeat(self, now: int, beat: int) -> str:
        """
        @param now: Monotonic nanoseconds.
        @param beat: When it showed life last, as it says.
        @return: What is wrong with that; C{""} if nothing is.
        """
        before, self._beat = self._beat, beat
        if beat > now + AHEAD:
            return f"it says that its heart will beat in {(beat - now) / 1e9:.0f} s"
        if beat < before:
            earlier = f"{(before - beat) / 1e9:.3g} s earlier"
            return f"it says that its heart beat last {earlier} than it had said"
        return ""

    def ofTaken(self, taken: int, handed: int, waiting: int) -> str:
        """
        @param taken: How many connections it has taken, as it says.
        @param handed: How many it was handed.
        @param waiting: How many of these were still in its queue afterwards.
        @return: As L{ofBeat}.
        """
        before, self._taken = self._taken, taken
        if before <= taken <= handed - waiting:
            return ""
        said = f"it says that it has taken {taken} connections"
        if taken > handed - waiting:
            return f"{said}: of the {handed} that it was handed {waiting} wait for it"
        return f"{said}, and had said {before}"


def ofEnded(ended: int, handed: int) -> str:
    """
    @param ended: How many connections it has ended, as it says.
    @param handed: How many it was handed.
    @return: As L{Lies.ofBeat}.
    """
    if ended <= handed:
        return ""
    return f"it says that it has ended {ended} connections of {handed}"
