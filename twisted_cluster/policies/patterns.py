"""
Patterns of host names and paths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address

from attrs import frozen

from twisted_cluster.core.peeking import hostName

# As what they are compared with: decoded, one slash where there were several, no query.
_isPath = re.compile(r"/[^*?#\\\x00-\x1f\x7f]*\*?").fullmatch
_unclear = re.compile(r"//|/\.{1,2}(?:/|\Z)|%[0-9A-Fa-f]{2}").search


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
        @param value: A host's name, or a path; not empty.
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
        return self.matches(other.text)


def parsePatterns(by: str, texts: Mapping[str, str]) -> Sequence[Pattern]:
    """
    @param by: What they are matched with: C{"sni"}, C{"host"} or C{"path"}.
    @param texts: Groups by patterns.
    @raise ValueError: If there are none, or one can match nothing.
    """
    if not texts:
        raise ValueError("give patterns, as PATTERN=GROUP")
    patterns: list[Pattern] = []
    for text, group in texts.items():
        pattern = Pattern(_PARSERS[by](text), group)
        if not pattern.text:
            raise ValueError(f"{text} matches no {by}; {_EXAMPLES[by]}")
        if not group:
            raise ValueError(f"{text}= needs a group")
        for earlier in patterns:
            if earlier.covers(pattern):
                raise ValueError(
                    f"{text} matches nothing, because {earlier.text} comes before it"
                )
        patterns.append(pattern)
    return patterns


def _hostPattern(text: str) -> str:
    """
    @return: Nothing if there is no such host.
    """
    text = text.lower()
    if text == "*":
        return text
    if text.startswith("[") and text.endswith("]"):
        return text if _isIPv6(text[1:-1]) else ""
    star = "*." if text.startswith("*.") else ""
    name = hostName(text[len(star) :].encode("ascii", "replace"))
    return star + name if name else ""


def _serverNamePattern(text: str) -> str:
    text = _hostPattern(text)
    # In SNI there are no addresses.
    isAddress = text.startswith("[") or text.rpartition(".")[2].isdigit()
    return "" if isAddress else text


def _pathPattern(text: str) -> str:
    if text == "*" or (_isPath(text) and not _unclear(text)):
        return text
    return ""


def _isIPv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


_PARSERS = {"sni": _serverNamePattern, "host": _hostPattern, "path": _pathPattern}
_HOST = "give such as a.example.com, *.example.com, or *"
_PATH = "give such as /about, /api/*, or *, decoded"
_EXAMPLES = {"sni": _HOST, "host": _HOST, "path": _PATH}
