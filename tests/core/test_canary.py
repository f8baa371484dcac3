"""
What is thought of new workers beside those before them.
"""

from __future__ import annotations

import pytest

from twisted_cluster.core.canary import Health, verdict

WELL = Health(4, 900, 0, 9, 2.0)


@pytest.mark.parametrize(
    ("canary", "wrong"),
    [
        (Health(1, 100), ""),
        (Health(1, 100, errors=2), ""),
        (Health(1, 100, errors=3), "0.03 errors a connection, not 0.01"),
        (Health(1, 0, errors=1), "1 errors a connection, not 0.01"),
        (Health(1, 100, deaths=1), "1 death of 1 worker"),
        (Health(1, 100, lag=40.0), ""),
        (Health(1, 100, lag=60.0), "its event loop is 60 ms late, not 2"),
    ],
)
def test_whatIsWorse(canary: Health, wrong: str) -> None:
    """
    Of errors by how many connections there were; of deaths by how many workers.
    """
    assert verdict(canary, WELL) == wrong


def test_whoIsNoWorseIsGood() -> None:
    """
    Where the others die as often, or are as late.
    """
    others = Health(2, 100, 2, 50, 300.0)
    assert verdict(Health(1, 10, 1, 10, 500.0), others) == ""


def test_allIsSaid() -> None:
    """
    In a line.
    """
    assert WELL.inWords() == "4 workers, 900 connections, 0 deaths, 9 errors, 2.0 ms late"
