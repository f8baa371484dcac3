"""
What tests of the primary share.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.primary.primary import Primary


@pytest.fixture
def primary() -> Iterator[Primary]:
    """
    A primary that goes round robin, with no worker yet.
    """
    made = Primary()
    yield made
    made.close()
