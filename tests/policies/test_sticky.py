"""
The same client, or session, to the same worker.
"""

from __future__ import annotations

from collections import Counter
from struct import pack
from typing import Any

from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, tuples
from zope.interface.verify import verifyObject

from tests.policies.making import chosen, numbered, policy, replaced, without
from twisted_cluster.events import ConnectionFacts, Look
from twisted_cluster.interfaces import ILookingPolicy, ILoyalPolicy
from twisted_cluster.testing import connectionFrom, httpHead, proxyHeader

READY = numbered(range(1, 9))
ADDRESS = "sticky:by=address"
COOKIE = "sticky:by=cookie,name=sid"
CLIENTS = [f"192.0.2.{number}" for number in range(1, 100)]
BEARING = {
    COOKIE: lambda sid: httpHead(headers={"Cookie": f"a=b; sid={sid}"}),
    "sticky:by=header,name=X-Session": lambda sid: httpHead(headers={"x-session": sid}),
    "sticky:by=query,name=sid": lambda sid: httpHead(f"/poll?t=1&sid={sid}"),
    "sticky:by=query,name=sid,proxy=yes": lambda sid: (
        proxyHeader("198.51.100.7") + httpHead(f"/poll?sid={sid}")
    ),
}
kinds = sampled_from(sorted(BEARING))


def withCookie(sid: str, host: str = "192.0.2.1") -> ConnectionFacts:
    """
    A request that bears a session's name.
    """
    return connectionFrom(host, first=BEARING[COOKIE](sid))


def version2(source: bytes, command: int = 0x21, family: int = 0x11) -> bytes:
    """
    A binary PROXY header.
    """
    addresses = source + bytes(len(source)) + pack(">HH", 1000, 80)
    head = pack(">BBH", command, family, len(addresses))
    return b"\r\n\r\n\0\r\nQUIT\n" + head + addresses


def whoServes(chooser: Any, ready: Any = READY) -> dict[str, int]:
    """
    Where all clients are sent, by their address.
    """
    return {each: chosen(chooser, connectionFrom(each), ready) for each in CLIENTS}


@given(kinds | sampled_from([ADDRESS]))
def test_providesWhatItSays(text: str) -> None:
    """
    It is loyal, and looks; but for an address it need not.
    """
    chooser = policy(text)
    verifyObject(ILoyalPolicy, chooser)
    verifyObject(ILookingPolicy, chooser)
    assert chooser.look == (None if text == ADDRESS else Look())


def test_looksAsFarAsItIsTold() -> None:
    """
    C{wait}, C{limit} and C{pending} are those of the look.
    """
    chooser = policy(f"{ADDRESS},proxy=yes,wait=2.5,limit=100,pending=7")
    assert chooser.look == Look(limit=100, deadline=2.5, pending=7)
    assert policy(f"{ADDRESS},proxy=no").look is None


def test_anAddressHasOneWorker() -> None:
    """
    Whatever its port; and all workers serve.
    """
    chooser = policy(ADDRESS)
    before = whoServes(chooser)
    assert set(before.values()) == set(range(1, 9))
    again = {each: chosen(chooser, connectionFrom(each, 9), READY) for each in CLIENTS}
    assert again == before == whoServes(policy(ADDRESS))


@given(integers(1, 8))
def test_onlyItsOwnClientsMove(gone: int) -> None:
    """
    When a worker dies its clients spread, and stay there when it is replaced, or others
    join; everybody else's stay all the time.
    """
    chooser = policy(ADDRESS)
    before = whoServes(chooser)
    after = whoServes(chooser, without(READY, gone))
    moved = {each for each in CLIENTS if before[each] != after[each]}
    assert moved == {each for each in CLIENTS if before[each] == gone}
    assert len({after[each] for each in moved}) > 1
    more = [*replaced(READY, gone), *numbered([9, 10])]
    assert whoServes(chooser, more) == after


events = lists(tuples(sampled_from(["serve", "die", "join"]), integers(0, 7)))


@given(events, kinds)
def test_whoeverComesAndGoesSessionsStay(
    events: list[tuple[str, int]], text: str
) -> None:
    """
    A session's worker is the same process as long as that is there.
    """
    chooser, ready, last = policy(text), list(READY), 1000
    home: dict[int, int] = {}
    for event, number in events:
        if event == "serve":
            first = BEARING[text](f"s{number}")
            got = chooser.choose(connectionFrom(CLIENTS[number], first=first), ready)
            if home.get(number) in [worker.id for worker in ready]:
                assert got.id == home[number]
            home[number] = got.id
        elif event == "die" and len(ready) > 1:
            ready = without(ready, number + 1) or ready
        elif event == "join" and number + 1 not in [worker.number for worker in ready]:
            last += 1
            (joins,) = numbered([number + 1])
            ready = sorted(
                [*ready, type(joins)(number + 1, id=last)], key=lambda each: each.number
            )


@given(kinds, integers(0, 98), integers(0, 98))
def test_aSessionBeginsWhereItsFirstRequestWent(text: str, at: int, later: int) -> None:
    """
    A request without a session, and the next with one that the server chose, reach one
    worker; so do all others of the session, from whatever address.
    """
    chooser = policy(text)
    first = httpHead()
    if "proxy" in text:
        first = proxyHeader("198.51.100.7") + first
    begun = chosen(chooser, connectionFrom(CLIENTS[at], first=first), READY)
    for client in (CLIENTS[at], CLIENTS[later]):
        connection = connectionFrom(client, first=BEARING[text]("Zm9v"))
        assert chosen(chooser, connection, READY) == begun


def test_sessionsOfTheDeadSpread() -> None:
    """
    Those of others stay, also when nobody but the session's name tells.
    """
    chooser = policy(COOKIE)
    homes = {c: chosen(chooser, withCookie(c, c), READY) for c in CLIENTS}
    gone = homes[CLIENTS[0]]
    rest = without(READY, gone)
    after = {c: chosen(chooser, withCookie(c, c), rest) for c in CLIENTS}
    assert all(after[c] == homes[c] for c in CLIENTS if homes[c] != gone)
    assert len({after[c] for c in CLIENTS if homes[c] == gone}) > 1
    back = replaced(READY, gone)
    assert {c: chosen(chooser, withCookie(c, "::1"), back) for c in CLIENTS} == after


@given(sampled_from([b"", b"GET / HT", b"\x16\x03\x01", b"\0" * 99, b"GET /\r\n\r\n"]))
def test_whoSaysNothingGoesByAddress(first: bytes) -> None:
    """
    The slow, the silent, and those who speak otherwise: where others from there go.
    """
    expected = whoServes(policy(ADDRESS))
    chooser = policy(COOKIE)
    for client in CLIENTS[:9]:
        assert (
            chosen(chooser, connectionFrom(client, first=first), READY)
            == (expected[client])
        )


def test_anEmptyNameIsNone() -> None:
    """
    A cookie without a value is no session.
    """
    chooser = policy(COOKIE)
    expected = whoServes(policy(ADDRESS))
    for client in CLIENTS[:9]:
        assert chosen(chooser, withCookie("", client), READY) == expected[client]


def test_longNamesDiffer() -> None:
    """
    Names that differ only far behind, as signed ones do, are different sessions.
    """
    chooser = policy(COOKIE + ",default=random,limit=65536")
    names = ["x" * 5000 + str(number) for number in range(30)]
    assert len({chosen(chooser, withCookie(each), READY) for each in names}) > 4


def test_aBalancerSpeaksForItsClients() -> None:
    """
    With C{proxy=yes} the address is the one that the PROXY header gives, of either
    version.
    """
    expected = whoServes(policy(ADDRESS))
    chooser = policy(f"{ADDRESS},proxy=yes")
    for client in CLIENTS[:9]:
        parts = bytes(int(part) for part in client.split("."))
        for header in (proxyHeader(client), version2(parts)):
            facts = connectionFrom("203.0.113.1", first=header + b"hello")
            assert chosen(chooser, facts, READY) == expected[client]


def test_withoutProxyNobodySpeaksForOthers() -> None:
    """
    A header that was not asked for is nothing.
    """
    chooser = policy(COOKIE)
    served = {
        chosen(chooser, connectionFrom(first=proxyHeader(each) + httpHead()), READY)
        for each in CLIENTS
    }
    assert len(served) == 1


@given(
    sampled_from(
        [
            b"",
            b"hello",
            b"PROXY UNKNOWN\r\n",
            version2(bytes(4), 0x20, 0),
            b"PROXY TCP4 1",
        ]
    )
)
def test_whoIsNotSpokenForGoesByItsOwn(first: bytes) -> None:
    """
    No header, not yet, or one that says nothing.
    """
    expected = whoServes(policy(ADDRESS))
    for client in CLIENTS[:9]:
        facts = connectionFrom(client, first=first)
        assert chosen(policy(f"{ADDRESS},proxy=yes"), facts, READY) == expected[client]


def test_whatIsEnough() -> None:
    """
    The header for an address, the head for a session, or that they will not come.
    """
    header, head = proxyHeader("192.0.2.1"), BEARING[COOKIE]("x")
    address, cookie = policy(f"{ADDRESS},proxy=yes"), policy(COOKIE + ",proxy=yes")
    for chooser, whole in ((address, header), (cookie, header + head), (cookie, head)):
        for end in range(1, len(whole)):
            assert not chooser.enough(whole[:end])
        assert chooser.enough(whole)
        assert chooser.enough(whole + b"more")
        assert chooser.enough(b"\0")
    assert policy(ADDRESS).enough(b"G")


def test_prefixesArePassedOn() -> None:
    """
    Of a network that counts as one client, all go to one worker.
    """
    for text, host in (("prefix4=24", "192.0.2.{}"), ("prefix6=32", "2001:db8:{}::1")):
        wide, narrow = policy(f"{ADDRESS},{text}"), policy(ADDRESS)
        hosts = [host.format(number) for number in range(50)]
        assert len({chosen(wide, connectionFrom(each), READY) for each in hosts}) == 1
        assert len({chosen(narrow, connectionFrom(each), READY) for each in hosts}) > 4


def test_whoHasNoAddressTakesTurns() -> None:
    """
    Peers of a UNIX socket; but their sessions have one worker each.
    """
    for text in (ADDRESS, COOKIE):
        chooser = policy(text)
        turns = [chosen(chooser, connectionFrom(""), READY) for _ in READY]
        assert turns == [worker.number for worker in READY]
    for each in ("a", "b", "c", "d"):
        served = {chosen(chooser, withCookie(each, ""), READY) for _ in range(3)}
        assert len(served) == 1


def test_byDefaultOthersMayChoose() -> None:
    """
    With C{default=} who bears no name goes where that says, from whatever address, and
    a name that is new is hashed.
    """
    chooser = policy(COOKIE + ",default=round-robin")
    turns = [chosen(chooser, connectionFrom(), READY) for _ in READY]
    assert turns == [worker.number for worker in READY]
    names = [f"s{number}" for number in range(400)]
    homes = {each: chosen(chooser, withCookie(each), READY) for each in names}
    shares = Counter(homes.values())
    assert set(shares) == set(range(1, 9))
    assert max(shares.values()) < 80
    again = policy(COOKIE + ",default=round-robin")
    assert {each: chosen(again, withCookie(each), READY) for each in names} == homes


def test_madeUpNamesPushOutNoClients() -> None:
    """
    Who makes up names by the thousand makes workers forget sessions; clients keep their
    worker, even such as have moved.
    """
    chooser = policy(COOKIE + ",remember=100")
    gone = whoServes(chooser)[CLIENTS[0]]
    before = whoServes(chooser, without(READY, gone))
    for number in range(1000):
        chosen(chooser, withCookie(f"s{number}", "203.0.113.9"), READY)
    assert len(chooser.sessions) == 100
    assert len(chooser.clients) <= 100
    assert whoServes(chooser, replaced(READY, gone)) == before
