"""
Bad input: one line that says what was given and what is accepted.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import dictionaries, sampled_from, text

from tests.policies.making import policy
from twisted_cluster.errors import PolicyArgumentError
from twisted_cluster.plugins import findPolicies

COOKIE = "sticky:by=cookie,name=sid"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            "roundrobin",
            "there are: least-connections, least-lag, none, pinned, power-of-two,",
        ),
        ("round-robin:x=1", "policy round-robin has no argument 'x'; it takes: none"),
        ("none:x=1", "policy none has no argument 'x'"),
        ("weighted:weight=3", "policy weighted has no argument 'weight'"),
        ("random:seed", "'seed' is not key=value"),
        ("random:seed=1,seed=2", "seed is given twice"),
        ("random:seed=many", "policy random, argument seed=many: give a whole number"),
        ("power-of-two:seed=1.5", "seed=1.5: give a whole number"),
        ("least-lag:within=-1", "within=-1: give microseconds, from 0 to 1e+09"),
        ("least-lag:within=nan", "within=nan: give microseconds"),
        ("least-lag:within=soon", "within=soon: give microseconds"),
        ("pinned:worker=0", "worker=0: give a whole number from 1 up"),
        ("pinned:worker=first", "worker=first: give a whole number from 1 up"),
        ("pinned:number=1", "has no argument 'number'; it takes: worker"),
        ("sticky", "policy sticky needs by=address|cookie|header|query"),
        ("sticky:by=name", "by=name: give one of address, cookie, header, query"),
        ("sticky:by=address,name=x", "name= is for by=cookie, by=header and by=query"),
        ("sticky:by=address,default=random", "default= is for by=cookie"),
        ("sticky:by=address,wait=1", "looks at first bytes only with proxy=yes"),
        ("sticky:by=address,proxy=no,pending=1", "only with proxy=yes"),
        ("sticky:by=address,prefix4=33", "prefix4=33: give a whole number from 0 to 32"),
        (
            "sticky:by=address,prefix6=129",
            "prefix6=129: give a whole number from 0 to 128",
        ),
        ("sticky:by=address,remember=0", "remember=0: give a whole number from 1"),
        ("sticky:by=address,proxy=on", "proxy=on: give one of yes, no"),
        ("sticky:by=cookie", "by=cookie needs name="),
        ("sticky:by=query,name=", "by=query needs name="),
        ("sticky:by=cookie,name=a b", "name=a b is no name of a cookie"),
        ("sticky:by=cookie,name=s;d", "name=s;d is no name of a cookie"),
        ("sticky:by=header,name=X-Ä", "name=X-Ä is no name of a header"),
        ("sticky:by=header,name=x:", "name=x: is no name of a header"),
        (COOKIE + ",default=sticky", "default=sticky: give one of least-connections"),
        (COOKIE + ",default=none", "default=none: give one of"),
        (COOKIE + ",wait=0", "wait=0: give seconds, above 0 to 60"),
        (COOKIE + ",wait=61", "wait=61: give seconds"),
        (COOKIE + ",limit=65537", "limit=65537: give a whole number from 1 to 65536"),
        (COOKIE + ",pending=0", "pending=0: give a whole number from 1 to 65536"),
        (COOKIE + ",deadline=1", "has no argument 'deadline'"),
        ("route", "policy route needs by=sni|host|path"),
        ("route:a.com=x", "policy route needs by=sni|host|path"),
        ("route:by=port,80=a", "by=port: give one of sni, host, path"),
        ("route:by=host", "policy route: give patterns, as PATTERN=GROUP"),
        ("route:by=host,default=a", "give patterns, as PATTERN=GROUP"),
        ("route:by=host,a.com=", "a.com= needs a group"),
        ("route:by=host,a.com=a,default=", "default= needs a group"),
        ("route:by=host,a.com=a,wait=x", "wait=x: give seconds"),
        ("route:by=host,a.com=a,a.com=b", "a.com is given twice"),
        ("route:by=host,a.com=a,A.com=b", "A.com matches nothing, because a.com comes"),
        ("route:by=sni,*=a,a.com=b", "a.com matches nothing, because * comes before it"),
        ("route:by=path,/a*=a,/a/*=b", "/a/* matches nothing, because /a* comes"),
        ("route:by=path,api=a", "policy route: api matches no path; give such as /about"),
        ("route:by=sni,/api=a", "/api matches no sni; give such as a.example.com"),
    ],
)
def test_badPolicyIsExplained(given: str, says: str) -> None:
    """
    At start, in a line.
    """
    with pytest.raises(PolicyArgumentError) as info:
        policy(given)
    message = str(info.value)
    assert says in message
    assert "\n" not in message
    assert len(message) < 160


@given(
    sampled_from(sorted(findPolicies())),
    dictionaries(
        sampled_from(["by", "name", "proxy", "seed", "wait", "worker", "default"])
        | text(),
        sampled_from(["cookie", "host", "path", "yes", "1", "-1", "1e999", "²"]) | text(),
        max_size=4,
    ),
)
def test_whateverIsGivenIsTakenOrExplained(name: str, given: dict[str, str]) -> None:
    """
    A maker raises nothing else.
    """
    try:
        findPolicies()[name].makePolicy(given)
    except PolicyArgumentError:
        pass


@pytest.mark.parametrize(
    "given",
    [
        "random:seed=-1",
        "least-lag:within=0",
        "pinned:worker=1024",
        "sticky:by=address,prefix4=0,prefix6=128,proxy=no,remember=1",
        "sticky:by=cookie,name=__Host-sid,wait=60,limit=65536,pending=65536",
        "sticky:by=header,name=X-Request-Id,default=weighted,proxy=yes",
        "sticky:by=query,name=a[0] ü;,default=least-lag",
        "route:by=host,x.a.com=a,*.a.com=b,a.com=a,*=c,proxy=no",
    ],
)
def test_whatIsAccepted(given: str) -> None:
    """
    The ends of the ranges, and odd names.
    """
    assert policy(given) is not None
