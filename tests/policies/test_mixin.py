"""
The built-in policies keep what any policy must.
"""

from __future__ import annotations

import pytest

from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.plugins import findPolicies, parsePolicy
from twisted_cluster.testing import PolicyTestsMixin

# How many times its even share a worker may get; None where that is not aimed at.
POLICIES = {
    "least-connections": 1.25,
    "least-lag": 1.25,
    "pinned": None,
    "pinned:worker=2": None,
    "power-of-two:seed=1": 1.25,
    "random:seed=1": 1.25,
    "round-robin": 1.0,
    "route:by=host,example.com=web,default=api": None,
    "route:by=path,/*=web": None,
    "route:by=sni,*.example.com=web": None,
    "sticky:by=address": 1.25,
    "sticky:by=address,proxy=yes": 1.25,
    "sticky:by=cookie,name=sid": 1.25,
    "sticky:by=header,name=x-user,default=round-robin": 1.25,
    "sticky:by=query,name=sid,proxy=yes": 1.25,
    "weighted": 1.0,
}


@pytest.mark.parametrize("text", POLICIES)
class TestBuiltIn:
    """
    Each of them, with the mixin's tests.
    """

    @pytest.mark.parametrize(
        "name", [name for name in dir(PolicyTestsMixin) if name.startswith("test_")]
    )
    def test_keeps(self, text: str, name: str) -> None:
        """
        What the mixin asks for.
        """

        class Tests(PolicyTestsMixin):
            evenness = POLICIES[text]

            def makePolicy(self) -> ISchedulingPolicy | None:
                return parsePolicy(text)()

        getattr(Tests(), name)()


def test_noneIsLeftOut() -> None:
    """
    Every policy that is installed is in the table.
    """
    named = {text.partition(":")[0] for text in POLICIES}
    assert named | {"none"} == set(findPolicies())
