"""
What a request is given besides its path.
"""

from __future__ import annotations

import pytest

from twisted_cluster.admin.arguments import ArgumentError, Arguments

KNOWN = ("step", "for", "now")


def test_eachIsThereOnce() -> None:
    """
    As text; what is not given is L{None}.
    """
    given = Arguments({b"step": [b"25%"]}, KNOWN)
    assert (given.get("step"), given.get("for")) == ("25%", None)
    assert given.need("step") == "25%"
    assert str(given) == " step=25%"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({b"other": [b"1"]}, "unknown argument 'other'; there are: step, for, now"),
        ({b"\xff": [b"1"]}, "unknown argument"),
        ({b"step": [b"1", b"2"]}, "step is given 2 times"),
    ],
)
def test_othersAreRefused(given: dict[bytes, list[bytes]], why: str) -> None:
    """
    With what there is.
    """
    with pytest.raises(ArgumentError, match=why):
        Arguments(given, KNOWN)


@pytest.mark.parametrize("value", [b"", b"x", b"nan", b"inf", b"-1", b"11"])
def test_whatIsNoSuchNumber(value: bytes) -> None:
    """
    An empty one counts as not given.
    """
    given = Arguments({b"for": [value]}, KNOWN)
    if not value:
        assert given.number("for", 3.0, 0.0, 10.0) == 3.0
        return
    with pytest.raises(ArgumentError, match=r"for=.*: give a number, 0 to 10"):
        given.number("for", 3.0, 0.0, 10.0)


@pytest.mark.parametrize(
    ("value", "isSet"),
    [(b"1", True), (b"yes", True), (b"0", False), (b"No", False), (b"false", False)],
)
def test_whatIsSaidOrNot(value: bytes, isSet: bool) -> None:
    """
    One that is missing is not said.
    """
    assert Arguments({b"now": [value]}, KNOWN).isSet("now") is isSet
    assert not Arguments({}, KNOWN).isSet("now")


def test_whatIsNeededIsMissing() -> None:
    """
    What to say is said.
    """
    with pytest.raises(ArgumentError, match="say step="):
        Arguments({b"step": [b""]}, KNOWN).need("step")
