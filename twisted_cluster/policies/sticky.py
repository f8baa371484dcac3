"""
The same client, or session, to the same worker.
"""

from __future__ import annotations

import ipaddress
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from attrs import Factory, define, field
from zope.interface import implementer

from twisted_cluster.core.http_head import Head
from twisted_cluster.events import ConnectionFacts, Look
from twisted_cluster.interfaces import (
    ILookingPolicy,
    ILoyalPolicy,
    ISchedulingPolicy,
    IWorkerLoad,
)
from twisted_cluster.policies.arguments import number, oneOf
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.policies.looking import LOOKING, Reading, Seen, lookFrom
from twisted_cluster.policies.power_of_two import PowerOfTwo
from twisted_cluster.policies.random_choice import RandomChoice
from twisted_cluster.policies.rendezvous import digest, owner
from twisted_cluster.policies.round_robin import RoundRobin

# RFC 9110, 5.6.2; cookies' names are the same (RFC 6265, 4.1.1).
isToken = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
LONGEST_KEY = 1024

_KEYS: dict[str, Callable[[Head, str], str]] = {
    "cookie": Head.cookie,
    "header": Head.header,
    "query": Head.query,
}
DEFAULTS: dict[str, Callable[[], ISchedulingPolicy]] = {
    "least-connections": LeastConnections,
    "power-of-two": PowerOfTwo,
    "random": RandomChoice,
    "round-robin": RoundRobin,
}
PARAMETERS: dict[str, Callable[[str], Any]] = {
    "by": oneOf("address", *_KEYS),
    "name": str,
    "prefix4": number(0, 32),
    "prefix6": number(0, 128),
    "remember": number(1, 10_000_000),
    "default": oneOf(*DEFAULTS),
    **LOOKING,
}


def networkOf(host: str, prefix4: int = 32, prefix6: int = 64) -> bytes:
    """
    What counts as one client.

    @param host: An IP address, with or without a zone.
    @return: What stands for its first bits; nothing if it is no address. An IPv4 address
        written as an IPv6 one is an IPv4 address.
    """
    if prefix4 == 32 and ":" not in host:
        # As it comes from the kernel, thrice as fast.
        return host.encode()
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return b""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    if address.version == 4 and prefix4 == 32:
        return str(address).encode()
    rest = address.max_prefixlen - (prefix4 if address.version == 4 else prefix6)
    return b"%d" % address.version + (int(address) >> rest << rest).to_bytes(16, "big")


@define
class Memory:
    """
    Which worker has which key; the keys that nobody used for longest are forgotten.

    @ivar most: How many keys.
    """

    most: int
    _ids: OrderedDict[int, int] = Factory(OrderedDict)

    def recall(self, key: int, ready: Sequence[IWorkerLoad]) -> IWorkerLoad | None:
        """
        The worker that has the key, if it is there.
        """
        id = self._ids.get(key)
        if id is not None:
            self._ids.move_to_end(key)
            for worker in ready:
                if worker.id == id:
                    return worker
        return None

    def keep(self, key: int, worker: IWorkerLoad) -> None:
        """
        A worker has the key from now on.
        """
        self._ids[key] = worker.id
        self._ids.move_to_end(key)
        if len(self._ids) > self.most:
            self._ids.popitem(last=False)

    def __len__(self) -> int:
        return len(self._ids)


@implementer(ILoyalPolicy, ILookingPolicy)
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
    @ivar default: What chooses for a connection with no key, instead of the address;
        then new keys are hashed. For keys that clients choose themselves.
    @ivar memory: What was decided before.
    """

    reading: Reading
    limits: Look
    name: str = ""
    prefix4: int = 32
    prefix6: int = 64
    default: ISchedulingPolicy | None = None
    memory: Memory = Factory(lambda: Memory(65536))
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
            return self._byAddress(connection, seen, ready)
        hashed = digest(key)
        chosen = self.memory.recall(hashed, ready)
        if chosen is None:
            if self.default is None:
                chosen = self._byAddress(connection, seen, ready)
            else:
                chosen = owner(hashed, ready)
        self.memory.keep(hashed, chosen)
        return chosen

    def _keyIn(self, seen: Seen) -> bytes:
        get = _KEYS.get(self.reading.by)
        if get is None or not isinstance(seen.said, Head):
            return b""
        key = get(seen.said, self.name).encode("utf-8", "surrogateescape")[:LONGEST_KEY]
        return b"k" + key if key else b""

    def _byAddress(
        self, connection: ConnectionFacts, seen: Seen, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad:
        name = connection.peerName
        host = name[0] if isinstance(name, tuple) else ""
        if seen.proxy is not None and seen.proxy.source:
            host = seen.proxy.source
        network = networkOf(host, self.prefix4, self.prefix6)
        if not network:
            return self._turns.choose(connection, ready)
        hashed = digest(network)
        chosen = self.memory.recall(hashed, ready)
        if chosen is None:
            chosen = owner(hashed, ready)
        self.memory.keep(hashed, chosen)
        return chosen


def makeSticky(
    by: str,
    name: str = "",
    proxy: bool = False,
    remember: int = 65536,
    default: str = "",
    **more: Any,
) -> Sticky:
    """
    What C{sticky:by=...} makes.

    @raise ValueError: If the arguments make no sense together.
    """
    if by == "address" and (name or default):
        raise ValueError("name= and default= are for by=cookie, header and query")
    if by != "address" and not name:
        raise ValueError(f"by={by} needs name=")
    if by in ("cookie", "header") and not isToken(name):
        raise ValueError(
            f"name={name} is no name of a {by}: give letters, digits, - and _"
        )
    looking = lookFrom(more)
    chosen = DEFAULTS[default]() if default else None
    reading = Reading(by, proxy)
    return Sticky(reading, looking, name, default=chosen, memory=Memory(remember), **more)
