"""
To different workers for different things.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen
from zope.interface import implementer

from twisted_cluster.core.http_head import Head
from twisted_cluster.core.tls import ClientHello
from twisted_cluster.errors import PolicyArgumentError
from twisted_cluster.events import ConnectionFacts, Look
from twisted_cluster.interfaces import (
    IGroupingPolicy,
    ILookingPolicy,
    IPolicyMaker,
    IWorkerLoad,
)
from twisted_cluster.policies.arguments import oneOf
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.policies.looking import LOOKING, Reading, lookFrom

_LABELS = r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?"
_isHost = re.compile(rf"\*|(?:\*\.)?{_LABELS}|\[[0-9a-f:.]+\]").fullmatch
_isPath = re.compile(r"/[^*?#\s]*\*?").fullmatch

_READ: Mapping[str, Callable[[Any], str]] = {
    "sni": lambda said: said.serverName if isinstance(said, ClientHello) else "",
    "host": lambda said: said.host if isinstance(said, Head) else "",
    "path": lambda said: said.path if isinstance(said, Head) else "",
}


@frozen
class Pattern:
    """
    @ivar text: C{"api.example.com"}, C{"*.example.com"}, C{"/static/*"}, C{"*"}.
    @ivar group: Who serves what matches.
    """

    text: str
    group: str

    def matches(self, value: str) -> bool:
        """
        @param value: Not empty.
        """
        if self.text.startswith("*"):
            return value.endswith(self.text[1:])
        if self.text.endswith("*"):
            return value.startswith(self.text[:-1])
        return value == self.text

    def covers(self, other: Pattern) -> bool:
        """
        Whether all that another matches is matched by this one.
        """
        return self.text == other.text or self.matches(other.text.replace("*", "x", 1))


@implementer(ILookingPolicy, IGroupingPolicy)
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
        value = _READ[self.reading.by](self.reading.read(connection.first).said)
        group = self.groupOf(value)
        if group:
            ready = [worker for worker in ready if worker.group == group]
        if not ready:
            return None
        inside = self._inside.setdefault(group, LeastConnections())
        return inside.choose(connection, ready)

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


@implementer(IPolicyMaker)
@frozen
class RouteMaker:
    """
    Makes L{Route} of C{by=host,api.example.com=api,default=web}: what is no argument is
    a pattern.
    """

    name: str = "route"
    description: str = "By by=sni|host|path to groups: PATTERN=GROUP,...,default=GROUP."

    def makePolicy(self, arguments: Mapping[str, str]) -> Route:
        known: dict[str, Callable[[str], Any]] = {
            "by": oneOf(*_READ),
            "default": str,
            **LOOKING,
        }
        given: dict[str, Any] = {}
        patterns: list[Pattern] = []
        for name, text in arguments.items():
            if name not in known:
                patterns.append(Pattern(name.lower(), text))
                continue
            try:
                given[name] = known[name](text)
            except ValueError as error:
                raise PolicyArgumentError(
                    f"policy route, argument {name}={text}: {error}"
                ) from None
        if "by" not in given:
            raise PolicyArgumentError("policy route needs by=sni, by=host or by=path")
        by = given.pop("by")
        if by == "path":
            # Unlike hosts, paths differ by case.
            patterns = [Pattern(n, t) for n, t in arguments.items() if n not in known]
        _check(by, patterns)
        reading = Reading(by, given.pop("proxy", False))
        default = given.pop("default", "")
        return Route(reading, lookFrom(given), patterns, default)


def _check(by: str, patterns: Sequence[Pattern]) -> None:
    """
    @raise PolicyArgumentError: If a pattern can match nothing.
    """
    if not patterns:
        raise PolicyArgumentError("policy route needs patterns, as PATTERN=GROUP")
    isRight = _isPath if by == "path" else _isHost
    example = "/api/* or /index" if by == "path" else "a.example.com or *.example.com"
    for count, pattern in enumerate(patterns):
        if not isRight(pattern.text) and pattern.text != "*":
            raise PolicyArgumentError(
                f"policy route: {pattern.text} matches no {by}; such as {example}"
            )
        if not pattern.group:
            raise PolicyArgumentError(f"policy route: {pattern.text}= needs a group")
        for earlier in patterns[:count]:
            if earlier.covers(pattern):
                raise PolicyArgumentError(
                    f"policy route: {pattern.text} matches nothing, because "
                    f"{earlier.text} comes before it"
                )
