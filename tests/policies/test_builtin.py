"""
The built-in policies, as pure functions of facts.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, sets
from zope.interface.verify import verifyObject

from twisted_cluster import ISchedulingPolicy
from twisted_cluster.errors import PolicyArgumentError
from twisted_cluster.interfaces import IPolicyMaker
from twisted_cluster.plugins import findPolicies, parsePolicy
from twisted_cluster.testing import WorkerLoad, connectionFrom

FACTS = connectionFrom("192.0.2.1", 1000)
BUILT_IN = ("least-connections", "random", "round-robin")


@pytest.mark.parametrize("name", BUILT_IN)
def test_policiesProvideTheirInterfaces(name: str) -> None:
    """
    Makers and policies are what they say they are.
    """
    maker = findPolicies()[name]
    verifyObject(IPolicyMaker, maker)
    verifyObject(ISchedulingPolicy, maker.makePolicy({}))


def test_noneIsNoPolicy() -> None:
    """
    With it the kernel chooses.
    """
    verifyObject(IPolicyMaker, findPolicies()["none"])
    assert parsePolicy("none")() is None


@given(lists(sets(integers(1, 64), min_size=1), min_size=1, max_size=50))
def test_chosenIsReady(rounds: list[set[int]]) -> None:
    """
    Whoever comes and goes, only a ready worker is chosen.
    """
    for policy in [parsePolicy(name)() for name in BUILT_IN]:
        for numbers in rounds:
            ready = [WorkerLoad(number) for number in sorted(numbers)]
            assert policy.choose(FACTS, ready) in ready


@given(integers(1, 64), integers(1, 10))
def test_roundRobinIsFair(workers: int, rounds: int) -> None:
    """
    After whole rounds everyone has served as often.
    """
    policy = parsePolicy("round-robin")()
    ready = [WorkerLoad(number) for number in range(1, workers + 1)]
    served = Counter(policy.choose(FACTS, ready).number for _ in range(workers * rounds))
    assert served == dict.fromkeys(range(1, workers + 1), rounds)


def test_leastConnectionsChoosesTheIdlest() -> None:
    """
    Served and waiting connections both count; equals take turns.
    """
    policy = parsePolicy("least-connections")()
    assert (
        policy.choose(
            FACTS, [WorkerLoad(1, 2, 0), WorkerLoad(2, 0, 1), WorkerLoad(3, 1, 1)]
        ).number
        == 2
    )
    equals = [WorkerLoad(1), WorkerLoad(2), WorkerLoad(3)]
    assert [policy.choose(FACTS, equals).number for _ in range(4)] == [3, 1, 2, 3]


def test_randomRepeatsUnderASeed() -> None:
    """
    The same seed makes the same choices.
    """
    ready = [WorkerLoad(number) for number in range(1, 9)]
    one, two = parsePolicy("random:seed=5")(), parsePolicy("random:seed=5")()
    for _ in range(50):
        assert one.choose(FACTS, ready) == two.choose(FACTS, ready)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("roundrobin", "there are: least-connections, least-lag, none, pinned, power"),
        ("round-robin:x=1", "no argument 'x'"),
        ("none:x=1", "no argument 'x'"),
        ("random:seed", "not key=value"),
        ("random:seed=many", "seed=many"),
    ],
)
def test_badPolicyIsExplained(text: str, says: str) -> None:
    """
    The error names what was given and what is accepted.
    """
    with pytest.raises(PolicyArgumentError, match=says):
        parsePolicy(text)


def test_peerIsTheAddressThatTheFactoryWillSee() -> None:
    """
    Facts give Twisted's addresses.
    """
    assert FACTS.peer.host == "192.0.2.1"
    six = FACTS._replace(peerName=("2001:db8::1", 1, 0, 0))
    assert (six.peer.host, six.peer.type) == ("2001:db8::1", "TCP")
    assert FACTS._replace(peerName="").peer.name in ("", b"")
