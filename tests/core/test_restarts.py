"""
Delays before a replacement.
"""

from __future__ import annotations

import pytest

from twisted_cluster.core.restarts import restartDelay


def test_delayDoublesToTheLimit() -> None:
    """
    0.1 s, doubling to 30 s.
    """
    delays = [restartDelay(deaths) for deaths in (1, 2, 3, 9, 10, 10**9)]
    assert delays == [0.1, 0.2, 0.4, 25.6, 30.0, 30.0]


def test_noDeathsHaveNoDelay() -> None:
    """
    Asking for the delay after no death is an error.
    """
    with pytest.raises(ValueError, match="1 or more"):
        restartDelay(0)
