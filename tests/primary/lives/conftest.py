"""
What tests of workers' lives share.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.epollreactor import EPollReactor

from tests.primary.lives.speaking import Worker


@pytest.fixture
def reactor() -> Iterator[EPollReactor]:
    """
    A reactor of its own, which is turned by hand.
    """
    made = EPollReactor()
    yield made
    for reader in made.removeAll():
        reader.connectionLost(None)


@pytest.fixture
def worker() -> Iterator[Worker]:
    """
    A worker that has said nothing yet.
    """
    made = Worker()
    yield made
    made.close()
