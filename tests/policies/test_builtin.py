"""
What is installed, and what facts give.
"""

from __future__ import annotations

from tests.policies.making import FACTS, policy
from twisted_cluster.plugins import findPolicies


def test_thereAreThese() -> None:
    """
    By the names that C{--policy} takes.
    """
    assert set(findPolicies()) >= {
        *("least-connections", "least-lag", "none", "pinned", "power-of-two", "random"),
        *("round-robin", "route", "sticky", "weighted"),
    }


def test_noneIsNoPolicy() -> None:
    """
    With it the kernel chooses.
    """
    assert policy("none") is None


def test_peerIsTheAddressThatTheFactoryWillSee() -> None:
    """
    Facts give Twisted's addresses.
    """
    assert FACTS.peer.host == "192.0.2.1"
    six = FACTS._replace(peerName=("2001:db8::1", 1, 0, 0))
    assert (six.peer.host, six.peer.type) == ("2001:db8::1", "TCP")
    assert FACTS._replace(peerName="").peer.name in ("", b"")
