"""
To different workers for different things.
"""

from __future__ import annotations

import pytest

from twisted_cluster.errors import PolicyArgumentError
from twisted_cluster.plugins import checkGroups, parsePolicy
from twisted_cluster.testing import (
    WorkerLoad,
    clientHello,
    connectionFrom,
    httpHead,
    proxyHeader,
)

READY = [
    WorkerLoad(1, group="api"),
    WorkerLoad(2, group="api"),
    WorkerLoad(3, group="web"),
    WorkerLoad(4),
]
HOSTS = "route:by=host,api.example.com=api,*.example.com=web"
PATHS = "route:by=path,/api/*=api,/=web,*=web"


@pytest.mark.parametrize(
    ("text", "first", "group"),
    [
        (HOSTS, httpHead(host="api.example.com"), "api"),
        (HOSTS, httpHead(host="API.Example.COM:8080"), "api"),
        (HOSTS, httpHead(host="a.b.example.com"), "web"),
        (HOSTS, httpHead(host="example.com"), ""),
        (HOSTS, httpHead(host="evilexample.com"), ""),
        (HOSTS, b"garbage", ""),
        (HOSTS + ",default=web", b"", "web"),
        (HOSTS + ",default=web", clientHello("api.example.com"), "web"),
        (PATHS, httpHead("/api/users?x=1"), "api"),
        (PATHS, httpHead("/%61pi/users"), "api"),
        (PATHS, httpHead("//api/users"), "api"),
        (PATHS, httpHead("/apis"), "web"),
        (PATHS, httpHead("/x/../api/y"), ""),
        ("route:by=sni,a.example=web,proxy=yes", clientHello("A.example"), "web"),
        (
            "route:by=sni,a.example=web,proxy=yes",
            proxyHeader("192.0.2.1") + clientHello("a.example"),
            "web",
        ),
        ("route:by=sni,a.example=web,default=api", clientHello(None), "api"),
    ],
)
def test_patternsNameGroups(text: str, first: bytes, group: str) -> None:
    """
    The first that matches counts; the default else; without one, everybody.
    """
    policy = parsePolicy(text)()
    chosen = {policy.choose(connectionFrom(first=first), READY).number for _ in range(20)}
    mine = {worker.number for worker in READY if worker.group == group or not group}
    # Idle equals take turns.
    assert chosen == mine


def test_connectionsWaitForTheirGroup() -> None:
    """
    Nobody of another serves them.
    """
    policy = parsePolicy(HOSTS)()
    api = connectionFrom(first=httpHead(host="api.example.com"))
    assert policy.choose(api, READY[2:]) is None


def test_groupsMustExist() -> None:
    """
    A policy says which it needs; the command says which there are not.
    """
    policy = parsePolicy(HOSTS + ",default=other")()
    assert set(policy.groups) == {"api", "web", "other"}
    with pytest.raises(PolicyArgumentError, match="no worker is in group 'other'"):
        checkGroups(policy, ["api", "web"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("route", "needs by=sni"),
        ("route:by=mail,a=b", "give one of sni, host, path"),
        ("route:by=host", "needs patterns"),
        ("route:by=host,a/b=c", "matches no host"),
        ("route:by=host,a b=c", "matches no host"),
        ("route:by=path,api=c", "matches no path"),
        ("route:by=host,a.com=", "needs a group"),
        ("route:by=host,*.com=x,a.com=y", "a.com matches nothing, because"),
        ("route:by=path,/a*=x,/ab/*=y", "/ab/\\* matches nothing, because"),
        ("route:by=host,a.com=x,a.com=y", "given twice"),
        ("route:by=host,a.com=x,wait=no", "wait=no: give seconds"),
        ("sticky", "needs by="),
        ("sticky:by=cookie", "needs name="),
        ("sticky:by=cookie,name=a b", "no name of a cookie"),
        ("sticky:by=address,name=a", "name= and default= are for"),
        ("sticky:by=address,prefix6=129", "from 0 to 128"),
        ("sticky:by=query,name=a,default=sticky", "give one of least-connections"),
        ("sticky:by=query,name=a,proxy=maybe", "give one of yes, no"),
        ("pinned:worker=0", "from 1 up"),
        ("least-lag:within=x", "give microseconds"),
        ("weighted:a=1", "no argument 'a'"),
    ],
)
def test_badArgumentsAreExplained(text: str, says: str) -> None:
    """
    In one line.
    """
    with pytest.raises(PolicyArgumentError, match=says) as caught:
        parsePolicy(text)
    assert "\n" not in str(caught.value)
