"""
To different workers for different things.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from attrs import define, field, frozen
from zope.interface import implementer

from twisted_cluster.core.http_head import Head
from twisted_cluster.core.tls import ClientHello
from twisted_cluster.events import ConnectionFacts, Look
from twisted_cluster.interfaces import (
    IGroupingPolicy,
    ILiningPolicy,
    ILookingPolicy,
    IPolicyMaker,
    ISchedulingPolicy,
    IWorkerLoad,
)
from twisted_cluster.policies import PolicyMaker
from twisted_cluster.policies.arguments import oneOf
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.policies.looking import LOOKING, LookArguments, Reading, lookFrom
from twisted_cluster.policies.patterns import Pattern, parsePatterns

if TYPE_CHECKING:
    from typing_extensions import Unpack

_READ: Mapping[str, Callable[[object], str]] = {
    "sni": lambda said: said.serverName if isinstance(said, ClientHello) else "",
    "host": lambda said: said.host if isinstance(said, Head) else "",
    "path": lambda said: said.path if isinstance(said, Head) else "",
}


@implementer(ILookingPolicy, IGroupingPolicy, ILiningPolicy)
@define
class Route:
    """
    The first pattern that matches names the group of workers; in the group the one with
    the fewest connections serves. What matches nothing goes to the default group, or to
    any worker. If nobody of the group is ready, connections wait.

    @ivar reading: What is looked for.
    @ivar patterns: In the order in which they are tried.
    @ivar default: A group; empty is all workers.
    """

    reading: Reading
    look: Look
    patterns: Sequence[Pattern]
    default: str = ""
    # What the last connection said, and its group: it is asked for twice.
    _last: tuple[object, str] = field(default=(None, ""), init=False)
    _inside: dict[str, LeastConnections] = field(factory=dict, init=False)

    @property
    def groups(self) -> Collection[str]:
        names = [*(pattern.group for pattern in self.patterns), self.default]
        return {name for name in names if name}

    def enough(self, first: bytes) -> bool:
        return self.reading.read(first).isWhole

    def choose(
        self, connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        group = self.lineOf(connection)
        if group:
            ready = [worker for worker in ready if worker.group == group]
        if not ready:
            return None
        inside = self._inside.setdefault(group or "", LeastConnections())
        return inside.choose(connection, ready)

    def lineOf(self, connection: ConnectionFacts) -> str | None:
        seen = self.reading.read(connection.first)
        if seen is not self._last[0]:
            value = _READ[self.reading.by](seen.said)
            self._last = seen, self.groupOf(value)
        return self._last[1] or None

    def groupOf(self, value: str) -> str:
        """
        @param value: A host's name, or a path; empty if there is none.
        @return: A group; empty for all workers.
        """
        if value:
            for pattern in self.patterns:
                if pattern.matches(value):
                    return pattern.group
        return self.default


PARAMETERS: dict[str, Callable[[str], object]] = {
    "by": oneOf(*_READ),
    "default": str,
    **LOOKING,
}


@implementer(IPolicyMaker)
@frozen
class RouteMaker:
    """
    Makes L{Route} of C{by=host,api.example.com=api,default=web}: what is no argument is
    a pattern.
    """

    name: str = "route"
    description: str = "By by=sni|host|path to groups: PATTERN=GROUP,...,default=GROUP."

    def makePolicy(self, arguments: Mapping[str, str]) -> ISchedulingPolicy | None:
        known = {key: text for key, text in arguments.items() if key in PARAMETERS}
        texts = {key: text for key, text in arguments.items() if key not in PARAMETERS}
        maker = PolicyMaker(
            self.name,
            self.description,
            partial(makeRoute, texts),
            PARAMETERS,
            ("by=sni|host|path",),
        )
        return maker.makePolicy(known)


def makeRoute(
    texts: Mapping[str, str],
    by: str,
    proxy: bool = False,
    default: str | None = None,
    **look: Unpack[LookArguments],
) -> Route:
    """
    What C{route:by=...} makes.

    @param texts: Groups by patterns.
    @raise ValueError: If a pattern, or the default, is of no use.
    """
    patterns = parsePatterns(by, texts)
    if default == "":
        raise ValueError("default= needs a group")
    return Route(Reading(by, proxy), lookFrom(look), patterns, default or "")
