"""
What converts the text of a policy's argument; each raises L{ValueError} for a bad one.
"""

from __future__ import annotations

from collections.abc import Callable


def number(least: int | None = None, most: int | None = None) -> Callable[[str], int]:
    """
    A whole number, in decimal.

    @param least: The smallest that is accepted.
    @param most: The largest.
    """
    accepted = "give a whole number"
    if least is not None:
        to = "up" if most is None else f"to {most}"
        accepted += f" from {least} {to}"

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(accepted) from None
        if (least is not None and value < least) or (most is not None and value > most):
            raise ValueError(accepted)
        return value

    return convert


def quantity(most: float, unit: str, zero: bool = False) -> Callable[[str], float]:
    """
    A number above 0.

    @param most: The largest that is accepted.
    @param unit: Of what, for the message.
    @param zero: Whether 0 is accepted as well.
    """
    least = "from 0" if zero else "above 0"

    def convert(text: str) -> float:
        try:
            value = float(text)
            if not 0 <= value <= most or (value == 0 and not zero):
                raise ValueError
        except ValueError:
            raise ValueError(f"give {unit}, {least} to {most:g}") from None
        return value

    return convert


def oneOf(*accepted: str) -> Callable[[str], str]:
    """
    One of some words.
    """

    def convert(text: str) -> str:
        if text not in accepted:
            raise ValueError(f"give one of {', '.join(accepted)}")
        return text

    return convert


def yesOrNo(text: str) -> bool:
    """
    C{yes} or C{no}.
    """
    return oneOf("yes", "no")(text) == "yes"
