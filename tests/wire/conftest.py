"""
What the tests of wires have in common.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater


@pytest.fixture
def nothingLeft() -> Iterator[None]:
    """
    Afterwards as many descriptors are open as before.
    """
    # A reactor that starts opens descriptors of its own.
    pytest_twisted.blockon(deferLater(reactor, 0, lambda: None))
    gc.collect()
    before = os.listdir("/proc/self/fd")
    yield
    assert len(os.listdir("/proc/self/fd")) == len(before)
