"""
Whatever bytes they are given, parsers say what it is, or that it is nothing.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers.targets import TARGETS
from tests.fuzz.saying.chance import mutatedBytes

FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize("name", TARGETS)
def test_whatIsRightIsAccepted(name: str) -> None:
    """
    Else the others would show nothing.
    """
    target = TARGETS[name]
    for seed in target.seeds:
        target.parse(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_anyBytes(name: str) -> None:
    """
    Nothing else is raised than is said.
    """

    @FEW
    @given(data=st.binary(max_size=300))
    def parse(data: bytes) -> None:
        TARGETS[name](data)

    parse()


@pytest.mark.parametrize("name", TARGETS)
def test_nearlyRight(name: str) -> None:
    """
    The same of what is right but for a few bytes.
    """
    target = TARGETS[name]

    @FEW
    @given(random=st.randoms(use_true_random=False), times=st.integers(1, 4))
    def parse(random: Random, times: int) -> None:
        data = random.choice(target.seeds or (b"",))
        for _ in range(times):
            data = mutatedBytes(random, data)
        target(data)

    parse()
