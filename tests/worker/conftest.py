"""
What tests of the worker share.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from twisted_cluster.wire.page import Page


@pytest.fixture
def page() -> Iterator[Page]:
    """
    A worker's page.
    """
    made = Page.create()
    yield made
    made.close()
