"""
What all tests share.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.python.logfile import BaseLogFile

from tests.logged import Logged, logging
from twisted_cluster.logfiles import _subclasses
from twisted_cluster.primary.lives.warm.templates import VARIABLE


@pytest.fixture
def logged() -> Iterator[Logged]:
    """
    What is logged from now on.
    """
    with logging() as heard:
        yield heard


@pytest.fixture(params=["forked", "started"])
def eitherWay(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """
    Workers are forked from a template, and started by themselves.
    """
    if request.param == "started":
        monkeypatch.setenv(VARIABLE, "no")
    way: str = request.param
    return way


@pytest.fixture(autouse=True)
def unshared() -> Iterator[None]:
    """
    A test whose process has shared its log files leaves Twisted's classes as they were.
    """
    before = {kind: dict(vars(kind)) for kind in kindsOfLogFiles()}
    yield
    for kind in kindsOfLogFiles():
        if kind in before and dict(vars(kind)) != before[kind]:
            restore(kind, before[kind])


def kindsOfLogFiles() -> list[type]:
    """
    All that there are just now.
    """
    return [BaseLogFile, *_subclasses(BaseLogFile)]


def restore(kind: type, names: dict[str, object]) -> None:
    """
    Give a class what it had.
    """
    for name in set(vars(kind)) - set(names):
        delattr(kind, name)
    for name, value in names.items():
        if vars(kind)[name] is not value:
            setattr(kind, name, value)
