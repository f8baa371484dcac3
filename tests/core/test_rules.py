"""
What can be said of workers' lives.
"""

from __future__ import annotations

import pytest
from attrs import fields_dict

from twisted_cluster.core.rules import RULES, Portion, Rules, defaultTexts
from twisted_cluster.errors import ConfigError


def test_whatHoldsByDefaultIsAccepted() -> None:
    """
    Each default, said as the command has it, is the default.
    """
    assert Rules.parse(defaultTexts()) == Rules()
    assert defaultTexts()["reloadStep"] == "1"
    assert defaultTexts()["mailLimit"] == "256M"
    assert RULES.keys() == fields_dict(Rules).keys()


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("drainTimeout", "1.5", 1.5),
        ("minReady", "2", 2),
        ("reloadStep", "25%", Portion(25, True)),
        ("reloadStep", 3, Portion(3)),
        ("maxRss", "500M", 500 << 20),
        ("maxRss", 1000, 1000),
        ("mailLimit", "16M", 16 << 20),
        ("onHup", "forward", "forward"),
        ("followSymlink", 1, True),
    ],
)
def test_textsAndValuesAreAccepted(name: str, given: object, value: object) -> None:
    """
    From a command line, and from a program.
    """
    assert getattr(Rules.parse({name: given}), name) == value


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("drainTimeout", "-1"),
        ("drainTimeout", "nan"),
        ("startTimeout", "0"),
        ("stopTimeout", "1e9"),
        ("minReady", 0),
        ("minReady", True),
        ("giveUpAfter", "1.5"),
        ("reloadStep", "0"),
        ("reloadStep", "0.5"),
        ("reloadStep", "101%"),
        ("reloadStep", "nan"),
        ("maxRss", "-5M"),
        ("maxRss", "5T"),
        ("mailLimit", "1000K"),
        ("onHup", "restart"),
        ("hangTimeout", None),
    ],
)
def test_whatIsNotAcceptedIsTold(name: str, given: object) -> None:
    """
    With what is.
    """
    with pytest.raises(ConfigError, match="give ") as raised:
        Rules.parse({name: given})
    assert raised.value.name == name
    assert RULES[name].accepted in str(raised.value)


def test_thereIsNoOther() -> None:
    """
    A slip of the pen is no rule.
    """
    with pytest.raises(TypeError, match="drainTimeOut"):
        Rules.parse({"drainTimeOut": 1})


@pytest.mark.parametrize(
    ("portion", "total", "number"),
    [
        (Portion(1), 8, 1),
        (Portion(3), 2, 2),
        (Portion(25, True), 8, 2),
        (Portion(10, True), 4, 1),
        (Portion(100, True), 4, 4),
    ],
)
def test_aPortionIsSomebodyAndNotMoreThanAll(
    portion: Portion, total: int, number: int
) -> None:
    """
    A tenth of four is one.
    """
    assert portion.of(total) == number
