"""
What tests of workers' lives share.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.epollreactor import EPollReactor


@pytest.fixture
def reactor() -> Iterator[EPollReactor]:
    """
    A reactor of its own, which is turned by hand.
    """
    made = EPollReactor()
    yield made
    for reader in made.removeAll():
        reader.connectionLost(None)
