"""
What a worker is told at birth.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from twisted_cluster.errors import StartError
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.descriptors import (
    PAGE,
    STACKS,
    VARIABLE,
    VERSION,
    WIRES,
    Announcement,
    takeAnnouncement,
)
from twisted_cluster.wire.page import Page

FIRST = 200


@pytest.fixture
def wires() -> Iterator[ExitStack]:
    """
    What a primary gives, at the numbers from L{FIRST}; as inherited.
    """
    page = Page.create()
    ours, theirs = Channel.pair()
    reading, writing = os.pipe()
    special = {PAGE: page.fileno(), STACKS: writing}
    with ExitStack() as stack, theirs:
        for wire in WIRES:
            os.dup2(special.get(wire, theirs.fileno()), FIRST + wire, True)
            stack.callback(os.close, FIRST + wire)
        yield stack
    for fd in (reading, writing):
        os.close(fd)
    ours.close()
    page.close()


def test_whatIsToldIsHeardOnce(wires: ExitStack) -> None:
    """
    A worker's children see neither the variable nor the descriptors.
    """
    told = Announcement(2, 7, 64, FIRST, [3, 7], reactor="poll", drainTimeout=1.5)
    environment = told.toEnvironment()
    assert takeAnnouncement(environment) == told
    assert environment == {}
    assert not any(os.get_inheritable(FIRST + wire) for wire in WIRES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps({"version": VERSION}),
        json.dumps({"version": VERSION, "slot": "1"}),
        json.dumps({"version": VERSION, "slot": 1, "more": 2}),
        json.dumps({"version": VERSION, "slot": 1, "first": 10_000_000}),
    ],
)
def test_whatIsNoAnnouncementIsRefused(text: str) -> None:
    """
    With what to do instead.
    """
    with pytest.raises(StartError, match="in workers only"):
        takeAnnouncement({VARIABLE: text})


def test_whatIsNoWireIsNotTouched() -> None:
    """
    Somebody may have set the variable by hand.
    """
    fds = [os.open(os.devnull, os.O_RDONLY) for _ in WIRES]
    try:
        first = max(fds) + 10
        for wire in WIRES:
            os.dup2(fds[0], first + wire, True)
            fds.append(first + wire)
        told = Announcement(1, first=first)
        with pytest.raises(StartError):
            takeAnnouncement(told.toEnvironment())
        assert os.get_inheritable(first)
    finally:
        for fd in fds:
            os.close(fd)


@pytest.mark.parametrize("version", [0, VERSION + 1, str(VERSION), None])
def test_anotherVersionSaysSo(version: object) -> None:
    """
    A primary and its workers run from one installation.
    """
    text = json.dumps({"version": version, "slot": 1, "unheard": "of"})
    with pytest.raises(StartError, match="one installation"):
        takeAnnouncement({VARIABLE: text})
