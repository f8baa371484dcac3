"""
What weights, groups and limits of connections say.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from twisted_cluster.errors import ConfigError
from twisted_cluster.events import NO_LIMITS, Dispatch, Limits
from twisted_cluster.shares import (
    HEAVIEST,
    parseDispatch,
    parseGroups,
    parseLimits,
    parseWeights,
)


def test_weightsAreOfTheFirstWorkers() -> None:
    """
    Who is not named is not in it.
    """
    assert parseWeights("3,1,0", 4) == {1: 3, 2: 1, 3: 0}
    assert parseWeights("", 4) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,1,1", "there are 3, for 2 workers"),
        ("1,x", "give numbers from 0"),
        ("1,-1", "give numbers from 0"),
        (f"1,{HEAVIEST + 1}", "give numbers from 0"),
        ("0,0", "at least one worker must have more than 0"),
    ],
)
def test_badWeightsAreRefused(text: str, says: str) -> None:
    """
    With what is wrong.
    """
    with pytest.raises(ConfigError, match=says):
        parseWeights(text, 2)


def test_theOthersMayHaveNoWeight() -> None:
    """
    There are more workers, each of which has a weight of 1.
    """
    assert parseWeights("0", 2) == {1: 0}


def test_groupsAreOfNumbersAndRanges() -> None:
    """
    Several times one name is one group.
    """
    texts = ["api=1-2", "web=3,5-6", "api=4"]
    wanted = {1: "api", 2: "api", 3: "web", 4: "api", 5: "web", 6: "web"}
    assert parseGroups(texts, 6) == wanted


@pytest.mark.parametrize(
    "texts",
    [
        ["=1"],
        ["api"],
        ["api="],
        ["api=0"],
        ["api=2-1"],
        ["api=1-5"],
        ["api=a"],
        ["api=1,"],
    ],
)
def test_groupsOfNobodyAreRefused(texts: Sequence[str]) -> None:
    """
    As what names a worker that there is not.
    """
    with pytest.raises(ConfigError, match="give NAME=1-2"):
        parseGroups(texts, 4)


def test_nobodyIsInTwoGroups() -> None:
    """
    The error says who.
    """
    with pytest.raises(ConfigError, match="worker 2 is in 'api' already"):
        parseGroups(["api=1-2", "web=2"], 4)


def test_limitsOfWorkersAndListeners() -> None:
    """
    The name of a listener may have an equals sign in it.
    """
    limits = parseLimits(["100", "tcp:80=150", "unix:/a=b=7"], "5", "refuse")
    assert limits == Limits(100, {"tcp:80": 150, "unix:/a=b": 7}, 5, "refuse")
    assert parseLimits([], "", "wait") == Limits()


@pytest.mark.parametrize(
    ("most", "address", "atLimit", "says"),
    [
        (["0"], "", "wait", "maxConnections='0'"),
        (["many"], "", "wait", "maxConnections='many'"),
        (["udp:53=1"], "", "wait", "give NUMBER, tcp:PORT=NUMBER"),
        ([], "0", "wait", "maxPerAddress='0'"),
        ([], "", "never", "atLimit='never'"),
    ],
)
def test_badLimitsAreRefused(
    most: Sequence[str], address: str, atLimit: str, says: str
) -> None:
    """
    With which one.
    """
    with pytest.raises(ConfigError, match=says):
        parseLimits(most, address, atLimit)


def test_onePortMayBeDispatchedInAnotherWay() -> None:
    """
    Named with its interface, or without.
    """
    said = parseDispatch(["auto", "tcp:80=kernel", "unix:/run/x=shared"], NO_LIMITS)
    names = ["tcp:80", "tcp:80:interface=127.0.0.1", "unix:/run/x", "tcp:81"]
    assert [said.of(name) for name in names] == ["kernel", "kernel", "shared", "auto"]
    assert parseDispatch([], NO_LIMITS) == Dispatch("auto")


@pytest.mark.parametrize(
    "texts",
    [["none"], ["tcp:80="], ["80=kernel"], ["auto", "auto"], ["tcp:1=auto"] * 2],
)
def test_badDispatchIsRefused(texts: Sequence[str]) -> None:
    """
    What is no mode, no port, or said twice.
    """
    with pytest.raises(ConfigError, match="dispatch"):
        parseDispatch(texts, NO_LIMITS)
