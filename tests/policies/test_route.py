"""
Different workers for different things.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from attrs import evolve
from zope.interface.verify import verifyObject

from tests.policies.making import policy, workersWith
from twisted_cluster.errors import PolicyArgumentError
from twisted_cluster.events import Look
from twisted_cluster.interfaces import IGroupingPolicy, ILookingPolicy, ILoyalPolicy
from twisted_cluster.plugins import checkGroups
from twisted_cluster.testing import (
    WorkerLoad,
    clientHello,
    connectionFrom,
    httpHead,
    proxyHeader,
)

READY = workersWith(group=["api", "api", "web", "web", "web", ""])
HOST = "route:by=host,api.example.com=api,*.example.com=web"
PATH = "route:by=path,/api/*=api,/=web"
SNI = "route:by=sni,api.example.com=api,*.example.com=web"


def groupFor(text: str, first: bytes, ready: list[WorkerLoad] = READY) -> Any:
    """
    In which groups connections with such first bytes are served.
    """
    chooser = policy(text)
    found = {
        None if worker is None else worker.group
        for worker in (chooser.choose(connectionFrom(first=first), ready) for _ in ready)
    }
    return found.pop() if len(found) == 1 else found


@pytest.mark.parametrize(
    ("text", "first", "group"),
    [
        (HOST, httpHead(host="api.example.com"), "api"),
        (HOST, httpHead(host="API.Example.Com:8080"), "api"),
        (HOST, httpHead(host="a.b.example.com"), "web"),
        (HOST + ",default=api", httpHead(host="example.com"), "api"),
        (HOST + ",default=api", b"GET / HTTP/1.0\r\n\r\n", "api"),
        (PATH, httpHead("/api/v1?x=/"), "api"),
        (PATH, httpHead("//api/%76%31"), "api"),
        (PATH, httpHead("/"), "web"),
        (PATH + ",default=web", httpHead("/api"), "web"),
        (PATH + ",default=web", httpHead("/x/../api/v1"), "web"),
        (SNI, clientHello("api.example.com"), "api"),
        (SNI, clientHello("WWW.example.com"), "web"),
        (SNI + ",default=api", clientHello(None), "api"),
        (SNI + ",*=api,default=web", httpHead(host="api.example.com"), "web"),
        ("route:by=host,*=web", httpHead(host="[::1]"), "web"),
        (HOST + ",proxy=yes", proxyHeader("::1") + httpHead(host="x.example.com"), "web"),
        (HOST + ",proxy=yes", httpHead(host="x.example.com"), "web"),
        (
            HOST + ",default=web",
            proxyHeader("::1") + httpHead(host="api.example.com"),
            "web",
        ),
        (HOST + ",default=web", b"", "web"),
        (HOST + ",default=web", httpHead(host="api.example.com")[:-1], "web"),
        (HOST, b"", {"api", "web", ""}),
        (HOST, httpHead(host="example.org"), {"api", "web", ""}),
    ],
)
def test_whereItGoes(text: str, first: bytes, group: Any) -> None:
    """
    The first pattern that matches says it; else, and for who says nothing in time, or
    something else, the default does, which may be anybody.
    """
    assert groupFor(text, first) == group


def test_earlierPatternsComeFirst() -> None:
    """
    As they are written.
    """
    text = "route:by=path,/a/b/*=api,/a/*=web,*=api"
    assert groupFor(text, httpHead("/a/b/c")) == "api"
    assert groupFor(text, httpHead("/a/c")) == "web"
    assert groupFor(text, httpHead("/")) == "api"


def test_withNobodyOfTheGroupConnectionsWait() -> None:
    """
    Those of others do not.
    """
    ready = [worker for worker in READY if worker.group != "api"]
    assert groupFor(HOST, httpHead(host="api.example.com"), ready) is None
    assert groupFor(HOST, httpHead(host="www.example.com"), ready) == "web"


def test_inTheGroupTheIdlestServes() -> None:
    """
    Of equals each in turn, whatever other groups do meanwhile.
    """
    chooser = policy(HOST)
    web = connectionFrom(first=httpHead(host="www.example.com"))
    api = connectionFrom(first=httpHead(host="api.example.com"))
    served = Counter[int]()
    for _ in range(6):
        served[chooser.choose(web, READY).number] += 1
        served[chooser.choose(api, READY).number] += 1
    assert served == {1: 3, 2: 3, 3: 2, 4: 2, 5: 2}
    busy = [evolve(w, active=0 if w.number == 4 else 1) for w in READY]
    assert [chooser.choose(web, busy).number for _ in range(3)] == [4, 4, 4]


def test_providesWhatItSays() -> None:
    """
    It looks and needs groups; it is not loyal.
    """
    chooser = policy(HOST + ",default=other,wait=2,limit=99,pending=3")
    verifyObject(ILookingPolicy, chooser)
    verifyObject(IGroupingPolicy, chooser)
    assert not ILoyalPolicy.providedBy(chooser)
    assert set(chooser.groups) == {"api", "web", "other"}
    assert chooser.look == Look(limit=99, deadline=2.0, pending=3)
    assert set(policy(HOST).groups) == {"api", "web"}


def test_groupsMustBeThere() -> None:
    """
    Which the command checks.
    """
    checkGroups(policy(HOST), ["api", "web", "more"])
    with pytest.raises(PolicyArgumentError, match=r"group 'web'.*: api, more"):
        checkGroups(policy(HOST), ["api", "more"])


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (HOST, httpHead()),
        (SNI, clientHello()),
        (PATH + ",proxy=yes", proxyHeader("192.0.2.1") + httpHead()),
    ],
)
def test_whatIsEnough(text: str, whole: bytes) -> None:
    """
    The whole message, or what cannot become one.
    """
    chooser = policy(text)
    for end in range(1, len(whole)):
        assert not chooser.enough(whole[:end])
    assert chooser.enough(whole)
    assert chooser.enough(b"\0nothing")
