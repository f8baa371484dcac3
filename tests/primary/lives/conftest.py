"""
What tests of workers' lives share.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.logged import Logged, logging


@pytest.fixture
def logged() -> Iterator[Logged]:
    """
    What is logged from now on.
    """
    with logging() as heard:
        yield heard
