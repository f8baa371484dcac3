"""
What C{setupPrimary} makes of what it is given.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from twisted_cluster.api.policy import VARIABLE, fromEnvironment
from twisted_cluster.api.settings import merged, signalNumber
from twisted_cluster.api.streams import planned
from twisted_cluster.errors import PolicyArgumentError, SettingsError
from twisted_cluster.plugins import policyMaker
from twisted_cluster.policies.round_robin import RoundRobin


def test_settingsAreCumulative() -> None:
    """
    What is named changes, the rest stays; None takes away.
    """
    first = merged({}, {"args": ["a"], "silent": True})
    second = merged(first, {"cwd": "/"})
    assert second == {**first, "cwd": "/"}
    assert merged(second, {"cwd": None})["cwd"] is None


def test_defaultsAreThoseOfNow(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The arguments are asked for at each call; the script is the one that was started,
    wherever the process has gone since.
    """
    main = sys.modules["__main__"]
    monkeypatch.setattr(sys, "argv", ["elsewhere.py", "x"])
    monkeypatch.setattr(main, "__file__", __file__, raising=False)
    monkeypatch.setattr(main, "__spec__", None)
    assert merged({}, {})["exec"] == os.path.abspath(__file__)
    assert merged({}, {})["args"] == ["x"]
    monkeypatch.delattr(main, "__file__")
    monkeypatch.setattr(sys, "argv", ["-", "y"])
    assert merged({}, {})["exec"] == ""
    assert merged({}, {})["args"] == ["y"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"exce": "x"}, "there is no setting 'exce'; there are: exec, args"),
        ({"exec": 3}, "exec=3: give a script's path"),
        ({"args": "a b"}, "args='a b': give a list of texts"),
        ({"args": [1]}, "give a list of texts"),
        ({"execArgv": {}}, "give a list of texts"),
        ({"cwd": 1}, "cwd=1: give a path"),
        ({"silent": 1}, "silent=1: give True or False"),
        ({"stdio": "pip"}, "'inherit', 'pipe', 'ignore', or a list"),
        ({"stdio": ["pipe", "pipe", "pipe"]}, "with 'ipc' once"),
        ({"stdio": ["ipc", "pipe", "pipe"]}, "with 'ipc' once"),
        ({"stdio": ["pipe", "pipe", -1, "ipc"]}, "descriptor numbers"),
        ({"serialization": "pickle"}, "'json' or 'advanced'"),
        ({"serialization": ["json"]}, "'json' or 'advanced'"),
        ({"uid": True}, "uid=True: give a number"),
        ({"gid": -1}, "gid=-1: give a number"),
        ({"env": {"A": 1}}, "a mapping of text to text"),
        ({"env": {"A=B": "1"}}, "a mapping of text to text"),
        ({"env": ["A"]}, "a mapping of text to text"),
        ({"env": {"A": "\ud800"}}, "a mapping of text to text"),
        ({"args": ["a\0b"]}, "give a list of texts"),
        ({"exec": "a\0b"}, "give a script's path"),
        ({"cwd": "a\0b"}, "give a path"),
        ({"reactor": "nuclear"}, "there is no such reactor"),
        ({"reactor": "cluster"}, "there is no such reactor"),
        ({"drainTimeout": "soon"}, "seconds, 0 or more"),
        ({"drainTimeout": float("nan")}, "seconds, 0 or more"),
        ({"stopTimeout": -1}, "seconds, 0 or more"),
        ({"keepListening": "yes"}, "give True or False"),
        ({"listen": 80}, "listen=80: give an endpoint, such as 'tcp:80', or a list"),
        ({"listen": "tcp:x"}, "'x' is no port's number or name"),
        ({"listen": ["tcp:80", "tcp:80"]}, "is given twice"),
    ],
)
def test_badSettingsAreExplained(settings: dict[str, Any], says: str) -> None:
    """
    One line says what was given, and what is accepted.
    """
    with pytest.raises(SettingsError) as caught:
        merged({}, settings)
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("settings", "plan"),
    [
        ({}, ["inherit"] * 3),
        ({"silent": True}, ["pipe"] * 3),
        ({"silent": True, "stdio": "ignore"}, ["ignore"] * 3),
        ({"stdio": ["inherit", 1, "pipe", "ipc"]}, ["inherit", 1, "pipe", "ipc"]),
    ],
)
def test_streamsArePlanned(settings: dict[str, Any], plan: list[str | int]) -> None:
    """
    C{silent} makes pipes; C{stdio} is stronger.
    """
    assert planned(merged({}, settings)) == plan


@pytest.mark.parametrize(
    ("given", "number"), [("SIGTERM", 15), ("KILL", 9), ("USR1", 10), (15, 15)]
)
def test_signalsHaveNames(given: str | int, number: int) -> None:
    """
    By name, short or long, or by number.
    """
    assert signalNumber(given) == number


@pytest.mark.parametrize("given", ["SIGNOT", 12345, "", "sigterm"])
def test_unknownSignalsAreRefused(given: str | int) -> None:
    """
    One line says so.
    """
    with pytest.raises(ValueError, match="there is no signal"):
        signalNumber(given)


def test_policiesAreNamesOrMakers(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What C{--policy} takes, or what makes a policy; the environment has short names.
    """
    assert isinstance(policyMaker("round-robin")(), RoundRobin)
    assert policyMaker("none")() is None
    assert isinstance(policyMaker(RoundRobin)(), RoundRobin)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert fromEnvironment() == "round-robin"
    monkeypatch.setenv(VARIABLE, "rr")
    assert fromEnvironment() == "round-robin"
    monkeypatch.setenv(VARIABLE, "best")
    with pytest.raises(PolicyArgumentError, match=f"{VARIABLE}=best"):
        fromEnvironment()


@pytest.mark.parametrize("wanted", [1, "best", "random:x=1", list, None])
def test_otherPoliciesAreRefused(wanted: object) -> None:
    """
    Each with what is accepted.
    """
    with pytest.raises(PolicyArgumentError):
        policyMaker(wanted)
