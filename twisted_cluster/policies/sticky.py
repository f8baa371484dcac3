"""
The same client, or session, to the same worker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from attrs import define, field
from zope.interface import implementer

from twisted_cluster.core.http_head import Head
from twisted_cluster.events import ConnectionFacts, Look
from twisted_cluster.interfaces import (
    IKernelPolicy,
    ILookingPolicy,
    ILoyalPolicy,
    ISchedulingPolicy,
    IWorkerLoad,
)
from twisted_cluster.policies.affinity import Affinity, clientKey
from twisted_cluster.policies.arguments import number, oneOf
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.policies.least_lag import LeastLag
from twisted_cluster.policies.looking import (
    LOOKING,
    LookArguments,
    Reading,
    Seen,
    lookFrom,
)
from twisted_cluster.policies.power_of_two import PowerOfTwo
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.policies.rendezvous import digest, owner
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.policies.weighted import Weighted
from twisted_cluster.steering import classic, extended
from twisted_cluster.steering.choices import byAddress
from twisted_cluster.steering.hashing import ofAddress
from twisted_cluster.steering.places import Place, indices

if TYPE_CHECKING:
    from typing_extensions import Unpack

# RFC 9110, 5.6.2; cookies' names are the same (RFC 6265, 4.1.1).
isToken = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch

_KEYS: dict[str, Callable[[Head, str], str]] = {
    "cookie": Head.cookie,
    "header": Head.header,
    "query": Head.query,
}
DEFAULTS: dict[str, Callable[[], ISchedulingPolicy]] = {
    "least-connections": LeastConnections,
    "least-lag": LeastLag,
    "power-of-two": PowerOfTwo,
    "random": RandomChoice,
    "round-robin": RoundRobin,
    "weighted": Weighted,
}
PARAMETERS: dict[str, Callable[[str], object]] = {
    "by": oneOf("address", *_KEYS),
    "name": str,
    "prefix4": number(0, 32),
    "prefix6": number(0, 128),
    # Some 170 bytes each: the usual 65536 are 11 MB, as many as this 1.7 GB.
    "remember": number(1, 10_000_000),
    "default": oneOf(*DEFAULTS),
    **LOOKING,
}


@implementer(ILoyalPolicy, ILookingPolicy, IKernelPolicy)
@define
class Sticky:
    """
    One worker for each client, or for each session by what its requests bear.

    A key seen for the first time is hashed to a worker, and stays with that very
    process until it is gone: then the keys of that worker, and no others, are hashed
    anew. They do not come back to its replacement.

    Who chooses a session's name is the server, mostly: then a first request has none, and
    the second one's is new. Both go where the client's address goes, which is the same
    worker, and there the session stays, also when the address changes.

    @ivar reading: What is looked for.
    @ivar name: The cookie's, header's or query argument's.
    @ivar prefix4: How many bits of an IPv4 address are the client's.
    @ivar prefix6: The same of IPv6.
    @ivar default: What chooses for a connection with no key, instead of the address;
        then new keys are hashed. For keys that clients choose themselves.
    @ivar clients: Who has which address.
    @ivar sessions: Who has which key: apart, so that who makes up keys can make a worker
        forget sessions, but not clients.
    """

    readsLoads: ClassVar[bool] = False
    sharesByTurns: ClassVar[bool] = False
    reading: Reading
    limits: Look
    clients: Affinity
    sessions: Affinity
    name: str = ""
    prefix4: int = 32
    prefix6: int = 64
    default: ISchedulingPolicy | None = None
    _turns: RoundRobin = field(factory=RoundRobin, init=False)

    @property
    def look(self) -> Look | None:
        return self.limits if self.reading.isNeeded else None

    def enough(self, first: bytes) -> bool:
        return self.reading.read(first).isWhole

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        seen = self.reading.read(connection.first)
        key = self._keyIn(seen)
        if not key:
            if self.default is not None:
                return self.default.choose(connection, ready)
            client = self._byAddress(connection, seen, ready)
            return client or self._turns.choose(connection, ready)
        hashed = digest(key)
        chosen = self.sessions.recall(hashed, ready)
        if chosen is None:
            if self.default is None:
                chosen = self._byAddress(connection, seen, ready)
            chosen = chosen or owner(hashed, ready)
            self.sessions.keep(hashed, chosen)
        return chosen

    def classicProgram(self, places: Sequence[Place]) -> classic.Program | None:
        if self.look is not None:
            return None
        return byAddress(places, self.prefix4, self.prefix6)

    def extendedProgram(self) -> extended.Program | None:
        return None if self.look else ofAddress(self.prefix4, self.prefix6)

    def lacks(self, kind: str) -> str:
        return "the kernel remembers no clients"

    def turns(self, places: Sequence[Place]) -> Sequence[int]:
        return indices(places)

    def _keyIn(self, seen: Seen) -> bytes:
        get = _KEYS.get(self.reading.by)
        if get is None or not isinstance(seen.said, Head):
            return b""
        return get(seen.said, self.name).encode("utf-8", "surrogateescape")

    def _byAddress(
        self, connection: ConnectionFacts, seen: Seen, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        """
        @return: L{None} for who has no address.
        """
        name = connection.peerName
        host = name[0] if isinstance(name, tuple) else ""
        if seen.proxy is not None and seen.proxy.source:
            host = seen.proxy.source
        client = clientKey(host, self.prefix4, self.prefix6)
        return None if client is None else self.clients.of(client, ready)


def makeSticky(
    by: str,
    name: str = "",
    proxy: bool = False,
    remember: int = 65536,
    default: str = "",
    prefix4: int = 32,
    prefix6: int = 64,
    **look: Unpack[LookArguments],
) -> Sticky:
    """
    What C{sticky:by=...} makes.

    @raise ValueError: If the arguments make no sense together.
    """
    _checkName(by, name)
    reading = Reading(by, proxy)
    if by == "address" and default:
        raise ValueError("default= is for by=cookie, by=header and by=query")
    if not reading.isNeeded and look:
        raise ValueError("by=address looks at first bytes only with proxy=yes")
    return Sticky(
        reading,
        lookFrom(look),
        Affinity(remember),
        Affinity(remember),
        name,
        prefix4,
        prefix6,
        DEFAULTS[default]() if default else None,
    )


def _checkName(by: str, name: str) -> None:
    if by == "address":
        if name:
            raise ValueError("name= is for by=cookie, by=header and by=query")
    elif not name:
        raise ValueError(f"by={by} needs name=")
    elif by != "query" and not isToken(name):
        raise ValueError(
            f"name={name} is no name of a {by}: give letters, digits, - and _"
        )
