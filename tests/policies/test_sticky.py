"""
The same client, or session, to the same worker.
"""

from __future__ import annotations

from collections import Counter

from attrs import evolve
from hypothesis import given
from hypothesis.strategies import binary, integers, ip_addresses, lists, sets

from twisted_cluster.plugins import parsePolicy
from twisted_cluster.policies.rendezvous import digest, owner
from twisted_cluster.testing import (
    clientHello,
    connectionFrom,
    httpHead,
    idleWorkers,
    proxyHeader,
)


@given(lists(binary(), min_size=1, max_size=50), sets(integers(1, 99), min_size=2))
def test_onlyTheKeysOfWhoLeavesMove(keys: list[bytes], numbers: set[int]) -> None:
    """
    Rendezvous: whoever goes, everybody else keeps what they have.
    """
    workers = [evolve(idleWorkers(1)[0], number=n, id=n) for n in sorted(numbers)]
    gone, rest = workers[0], workers[1:]
    for key in map(digest, keys):
        before = owner(key, workers)
        assert owner(key, rest) is before or before is gone


def test_keysAreSpreadEvenly() -> None:
    """
    16 workers, 16,000 keys: nobody has a tenth more than its share.
    """
    workers = idleWorkers(16)
    spread = Counter(owner(digest(b"%d" % n), workers).number for n in range(16000))
    assert len(spread) == 16
    assert max(spread.values()) < 1100
    assert min(spread.values()) > 900


@given(ip_addresses(), integers(1, 65535), integers(1, 65535))
def test_anAddressKeepsItsWorker(address: object, one: int, other: int) -> None:
    """
    Whatever its port.
    """
    policy, ready = parsePolicy("sticky:by=address")(), idleWorkers(8)
    first = policy.choose(connectionFrom(str(address), one), ready)
    assert policy.choose(connectionFrom(str(address), other), ready) is first


def test_prefixesAreOneClient() -> None:
    """
    Of IPv6 a /64, of IPv4 all; both can be set; an IPv4 address is one however written.
    """
    ready = idleWorkers(64)

    def chosen(policy: object, *hosts: str) -> int:
        return len({policy.choose(connectionFrom(host), ready).number for host in hosts})

    plain = parsePolicy("sticky:by=address")()
    six = [f"2001:db8:0:1::{n:x}" for n in range(1, 50)]
    assert chosen(plain, *six) == 1
    assert chosen(plain, *(f"2001:db8:0:{n:x}::1" for n in range(50))) > 10
    assert chosen(plain, "192.0.2.7", "::ffff:192.0.2.7") == 1
    assert chosen(plain, *(f"192.0.2.{n}" for n in range(50))) > 10
    wide = parsePolicy("sticky:by=address,prefix4=24,prefix6=128")()
    assert chosen(wide, *(f"192.0.2.{n}" for n in range(50))) == 1
    assert chosen(wide, *six) > 10


def test_aDeadWorkersClientsSpreadAndDoNotJumpBack() -> None:
    """
    Everybody else's stay; the replacement gets new clients only, and so does one more.
    """
    policy, ready = parsePolicy("sticky:by=address")(), idleWorkers(4)
    clients = [connectionFrom(f"10.0.{n >> 8}.{n & 255}") for n in range(400)]
    before = [policy.choose(client, ready).id for client in clients]
    alive = ready[:1] + ready[2:]
    during = [policy.choose(client, alive).id for client in clients]
    assert all(a == b for a, b in zip(before, during) if a != 2)
    assert len({b for a, b in zip(before, during) if a == 2}) == 3
    again = [
        ready[0],
        evolve(ready[1], id=9),
        *ready[2:],
        evolve(ready[0], number=5, id=5),
    ]
    assert [policy.choose(client, again).id for client in clients] == during
    new = [connectionFrom(f"10.1.0.{n}") for n in range(100)]
    assert {policy.choose(client, again).id for client in new} == {1, 9, 3, 4, 5}


def test_memoryIsBounded() -> None:
    """
    What was not used for longest is forgotten first; it is hashed again.
    """
    policy, ready = parsePolicy("sticky:by=address,remember=10")(), idleWorkers(4)
    for n in range(100):
        policy.choose(connectionFrom(f"10.0.0.{n}"), ready)
    assert len(policy.memory) == 10


def test_aSessionStaysWhereItWasMade() -> None:
    """
    The request that has no cookie yet and the next one, which has, reach one worker; it
    stays when the client's address changes, and others at that address have theirs.
    """
    for by, first in {
        "cookie,name=sid": lambda sid: httpHead(headers={"Cookie": f"a=b; sid={sid}"}),
        "header,name=X-Session": lambda sid: httpHead(headers={"x-session": sid}),
        "query,name=sid": lambda sid: httpHead(f"/?EIO=4&sid={sid}"),
    }.items():
        policy, ready = parsePolicy(f"sticky:by={by}")(), idleWorkers(8)
        for n in range(50):
            made = policy.choose(connectionFrom(f"10.0.0.{n}", first=httpHead()), ready)
            bears = first(f"session{n}")
            assert policy.enough(bears)
            assert not policy.enough(bears[:-1])
            home = connectionFrom(f"10.0.0.{n}", first=bears)
            assert policy.choose(home, ready) is made
            abroad = connectionFrom(f"10.9.9.{n}", first=bears)
            assert policy.choose(abroad, ready) is made


def test_keysOfClientsAreHashedIfThereIsAnotherDefault() -> None:
    """
    With C{default=} the key alone decides, and who has none goes by that policy.
    """
    text = "sticky:by=header,name=x-user,default=round-robin"
    policy, ready = parsePolicy(text)(), idleWorkers(8)
    users = {
        policy.choose(
            connectionFrom(f"10.0.0.{n}", first=httpHead(headers={"X-User": "me"})), ready
        ).number
        for n in range(50)
    }
    assert len(users) == 1
    nobody = connectionFrom(first=b"garbage")
    assert [policy.choose(nobody, ready).number for _ in range(3)] == [1, 2, 3]


def test_behindALoadBalancerTheClientCounts() -> None:
    """
    With C{proxy=yes} its address is the PROXY header's; a request may follow, or not.
    """
    policy, ready = parsePolicy("sticky:by=address,proxy=yes")(), idleWorkers(16)
    direct = parsePolicy("sticky:by=address")()
    for n in range(50):
        relayed = connectionFrom(first=proxyHeader(f"10.0.0.{n}") + b"anything")
        assert policy.enough(relayed.first)
        assert not policy.enough(relayed.first[:10])
        itself = direct.choose(connectionFrom(f"10.0.0.{n}"), ready)
        assert policy.choose(relayed, ready) is itself
    cookies = parsePolicy("sticky:by=cookie,name=sid,proxy=yes")()
    first = proxyHeader("10.0.0.1") + httpHead(headers={"Cookie": "sid=1"})
    chosen = cookies.choose(connectionFrom(first=first), ready)
    elsewhere = httpHead(headers={"Cookie": "sid=1"})
    assert cookies.choose(connectionFrom("10.0.0.77", first=elsewhere), ready) is chosen


def test_looksOnlyIfItMust() -> None:
    """
    By address it does not wait for bytes; TLS tells no cookie at once.
    """
    assert parsePolicy("sticky:by=address")().look is None
    policy = parsePolicy("sticky:by=cookie,name=a,wait=0.5,limit=100,pending=9")()
    assert (policy.look.deadline, policy.look.limit, policy.look.pending) == (0.5, 100, 9)
    assert policy.enough(clientHello())


def test_unixPeersTakeTurns() -> None:
    """
    They have no address.
    """
    policy, ready = parsePolicy("sticky:by=address")(), idleWorkers(3)
    assert [policy.choose(connectionFrom(""), ready).number for _ in range(4)] == [
        1,
        2,
        3,
        1,
    ]
