"""
Text of others, so that it can be seen and steers nothing.
"""

from __future__ import annotations

import re

# C0 and C1 but for tab and newline, what turns the direction of writing or separates
# lines, and halves of surrogate pairs, which no file can be written.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff]"
)
# Of so many it is told what they are; of more in the same text only that they are there,
# which takes a twentieth of the time.
MOST_ESCAPED = 1000
_EVERY = "".join(map(chr, range(0x10000)))
_UNKNOWN = {ord(found): 0xFFFD for found in _UNSEEN.findall(_EVERY)}


def visible(text: str) -> str:
    """
    @return: The same, with what could not be seen, or would steer a terminal, escaped.
        Tabs and newlines stay. Where there are very many, those at the end are only
        marked.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, count = _UNSEEN.subn(_escaped, text.replace("\r\n", "\n"), MOST_ESCAPED)
    return shown.translate(_UNKNOWN) if count == MOST_ESCAPED else shown


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def inOneLine(text: str) -> str:
    """
    @return: The same as L{visible}, with tabs and newlines escaped as well.
    """
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")
