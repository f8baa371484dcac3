"""
What the tests of wires have in common.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.leftovers import openNow


@pytest.fixture
def nothingLeft() -> Iterator[None]:
    """
    Afterwards as many descriptors are open as before.
    """
    # A reactor that starts opens descriptors of its own.
    pytest_twisted.blockon(deferLater(reactor, 0, lambda: None))
    gc.collect()
    before = openNow()
    yield
    assert len(openNow()) == len(before)
