"""
All built-in policies: who may be chosen.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis.strategies import builds, data, integers, lists, sampled_from, sets
from zope.interface.verify import verifyObject

from tests.policies.making import SIMPLE, policy
from twisted_cluster.interfaces import IPolicyMaker
from twisted_cluster.plugins import findPolicies
from twisted_cluster.testing import WorkerLoad, connectionFrom

COOKIE = "sticky:by=cookie,name=sid"
LOOKING = (
    COOKIE,
    COOKIE + ",default=least-connections",
    "sticky:by=header,name=X-Client",
    "sticky:by=query,name=sid",
    "sticky:by=address,proxy=yes",
    "route:by=host,example.com=a,default=b",
    "route:by=sni,*.example.com=a",
    "route:by=path,/api/*=a,*=b",
)


def test_makersAreMakers() -> None:
    """
    All that C{--policy} knows are what they say they are, with a line for the help.
    """
    for name, maker in findPolicies().items():
        verifyObject(IPolicyMaker, maker)
        assert maker.name == name
        assert 0 < len(maker.description) < 80


@given(data())
def test_chosenIsReady(data: Any) -> None:
    """
    Whoever comes and goes, however busy, of whatever weight and group: only one of those
    given is chosen, or none.
    """
    chooser = policy(data.draw(sampled_from(SIMPLE + LOOKING)))
    loads = builds(
        WorkerLoad,
        integers(1, 8),
        active=integers(0, 3),
        queued=integers(0, 3),
        lag=sampled_from([0.0, 500.0, 5e5]),
        id=integers(1, 20),
        weight=integers(0, 3),
        group=sampled_from(["", "a", "b"]),
    )
    firsts = sampled_from([b"", b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", b"\x16"])
    for _ in range(5):
        ready = data.draw(
            lists(loads, min_size=1, max_size=8, unique_by=lambda w: w.number)
        )
        ready.sort(key=lambda worker: worker.number)
        host = data.draw(sampled_from(["192.0.2.1", "192.0.2.7", "2001:db8::1", ""]))
        connection = connectionFrom(host, first=data.draw(firsts))
        got = chooser.choose(connection, ready)
        assert got is None or any(got is each for each in ready)


@given(sampled_from([t for t in SIMPLE if "pin" not in t]), sets(integers(1, 64)))
def test_theOnlyOneServes(text: str, numbers: set[int]) -> None:
    """
    With one worker, that one is chosen.
    """
    for number in numbers:
        only = [WorkerLoad(number)]
        assert policy(text).choose(connectionFrom(), only) is only[0]
