"""
What is demanded of other authors' policies, demanded of the built-in ones.
"""

from __future__ import annotations

import pytest

from twisted_cluster import ConnectionFacts, ISchedulingPolicy
from twisted_cluster.plugins import findPolicies, parsePolicy
from twisted_cluster.testing import (
    PolicyTestsMixin,
    clientHello,
    connectionFrom,
    httpHead,
)
from twisted_cluster.testing.facts import clientAddress

POLICIES = [
    "least-connections",
    "least-lag",
    "pinned",
    "pinned:worker=2",
    "power-of-two:seed=1",
    "random:seed=1",
    "round-robin",
    "route:by=host,api.example.com=api,*.example.com=web",
    "route:by=path,/a/*=api,default=web",
    "route:by=sni,a.example.com=api,default=web,proxy=yes",
    "sticky:by=address",
    "sticky:by=address,prefix4=24,proxy=yes",
    "sticky:by=cookie,name=sid",
    "sticky:by=header,name=X-Session,default=least-connections",
    "sticky:by=query,name=sid,default=round-robin,proxy=yes",
    "weighted",
]
# One worker; one group of workers; many clients that are one.
UNEVEN = ("pinned", "route", "sticky:by=address,prefix4=24")


@pytest.mark.parametrize("text", POLICIES, scope="class")
class TestBuiltIn(PolicyTestsMixin):
    """
    Each of them.
    """

    @pytest.fixture(autouse=True)
    def _named(self, text: str) -> None:
        self.text = text
        if text.startswith(UNEVEN):
            self.evenness = None

    def makePolicy(self) -> ISchedulingPolicy | None:
        return parsePolicy(self.text)()

    def makeConnections(self, count: int) -> list[ConnectionFacts]:
        return [
            connectionFrom(clientAddress(n), first=self._first(n)) for n in range(count)
        ]

    def _first(self, number: int) -> bytes:
        if "sni" in self.text:
            return clientHello("a.example.com")
        headers = {"Cookie": f"sid={number}", "X-Session": str(number)}
        host = "api.example.com" if number % 2 else "www.example.com"
        return httpHead(f"/a/b?sid={number}", host, headers)


def test_allAreTried() -> None:
    """
    All but the one that leaves it to the kernel.
    """
    assert {text.partition(":")[0] for text in POLICIES} | {"none"} == set(findPolicies())
