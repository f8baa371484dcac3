"""
What policies read in first bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from attrs import define, field, frozen

from twisted_cluster.core.http_head import Head, parseHead
from twisted_cluster.core.peeking import MORE, NeedMore
from twisted_cluster.core.proxy import ProxyHeader, parseProxy
from twisted_cluster.core.tls import ClientHello, parseClientHello
from twisted_cluster.events import Look
from twisted_cluster.policies.arguments import number, quantity, yesOrNo

# The arguments of every policy that looks, and what converts them.
LOOKING = {
    "proxy": yesOrNo,
    "wait": quantity(60, "seconds"),
    "limit": number(1, 65536),
    "pending": number(1, 65536),
}


class LookArguments(TypedDict, total=False):
    """
    The arguments of a policy that say how far to go for first bytes.
    """

    wait: float
    limit: int
    pending: int


def lookFrom(given: LookArguments) -> Look:
    """
    What they say; what is not given is as L{Look} has it.
    """
    usual = Look()
    return Look(
        given.get("limit", usual.limit),
        given.get("wait", usual.deadline),
        given.get("pending", usual.pending),
    )


def nothing(first: bytes) -> None:
    """
    The parser of who wants to know nothing but the address.
    """


PARSERS: dict[str, Callable[[bytes], Head | ClientHello | NeedMore | None]] = {
    "sni": parseClientHello,
    "host": parseHead,
    "path": parseHead,
    "cookie": parseHead,
    "header": parseHead,
    "query": parseHead,
    "address": nothing,
}


@frozen
class Seen:
    """
    What the first bytes say.

    @ivar isWhole: Whether more bytes would say no more.
    @ivar proxy: The PROXY header, if there is one.
    @ivar said: What comes after it, parsed; L{None} if it is not that, or not yet.
    """

    isWhole: bool
    proxy: ProxyHeader | None = None
    said: Head | ClientHello | None = None


@define
class Reading:
    """
    Reads first bytes, each once.

    @ivar by: What is looked for, one of L{PARSERS}.
    @ivar proxy: Whether a PROXY header may come first.
    """

    by: str
    proxy: bool = False
    _first: bytes = field(default=b"", init=False)
    _seen: Seen = field(default=Seen(False), init=False)

    @property
    def isNeeded(self) -> bool:
        """
        Whether there is anything to look for.
        """
        return self.proxy or PARSERS[self.by] is not nothing

    def read(self, first: bytes) -> Seen:
        """
        @return: What they say; the last ones are not read again.
        """
        if first is not self._first and first != self._first:
            self._first, self._seen = first, self._parse(first)
        return self._seen

    def _parse(self, first: bytes) -> Seen:
        header = None
        if self.proxy:
            found = parseProxy(first)
            if found is MORE:
                return Seen(False)
            if isinstance(found, ProxyHeader):
                header, first = found, first[found.length :]
        said = PARSERS[self.by](first)
        if said is MORE:
            return Seen(False, header)
        return Seen(True, header, said)
