"""
A worker's log records, and their bytes: one JSON object is one datagram.

What is not known here is left alone, so that there can be more in one.
"""

from __future__ import annotations

import json

from attrs import field, frozen
from attrs.validators import instance_of

from twisted_cluster.errors import MessageError

# A datagram must fit into a socket's buffer, which has some 200 KB, with others.
LONGEST_RECORD = 65536
# What is left of a long name, so that most of what is kept is the text.
SYSTEM = 1024
CUT = " [...]"


@frozen
class Record:
    """
    @ivar level: A level of C{twisted.logger}, by its name.
    @ivar system: Who says it; C{"-"} for nobody in particular.
    """

    level: str = field(validator=instance_of(str))
    system: str = field(validator=instance_of(str))
    text: str = field(validator=instance_of(str))


def packRecord(record: Record) -> bytes:
    """
    @return: At most L{LONGEST_RECORD} bytes; what is too long is cut.
    """
    system, text = record.system, record.text
    packed = _dump(record.level, system, text)
    while len(packed) > LONGEST_RECORD:
        # A quarter less, until it fits: how much a character takes differs.
        system, text = system[:SYSTEM], text[: len(text) * 3 // 4]
        packed = _dump(record.level, system, text + CUT)
    return packed


def _dump(level: str, system: str, text: str) -> bytes:
    fields = {"level": level, "system": system, "text": text}
    return json.dumps(fields).encode("ascii")


def readRecord(data: bytes) -> Record:
    """
    @raise MessageError: If it is none.
    """
    try:
        fields = json.loads(data)
        return Record(fields["level"], fields["system"], fields["text"])
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise MessageError(f"not a log record: {data[:60]!r} ({error})") from None
