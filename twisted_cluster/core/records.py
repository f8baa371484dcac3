"""
A worker's log records, and their bytes: one JSON object is one datagram.

What is not known here is left alone, so that there can be more in one.
"""

from __future__ import annotations

import json

from attrs import field, frozen
from attrs.validators import instance_of

from twisted_cluster.errors import MessageError, VersionError

# With a new field it stays: who does not know it leaves it alone.
VERSION = 1
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


def packLogRecord(record: Record) -> bytes:
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
    fields = {"version": VERSION, "level": level, "system": system, "text": text}
    return json.dumps(fields).encode("ascii")


def readLogRecord(data: bytes) -> Record:
    """
    @raise MessageError: If it is none.
    @raise VersionError: If it is what another version's makes.
    """
    try:
        fields = json.loads(data)
        version = fields["version"]
        if version == VERSION:
            system, text = _written(fields["system"]), _written(fields["text"])
            return Record(fields["level"], system, text)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise MessageError(f"not a log record: {data[:60]!r} ({error})") from None
    raise VersionError(f"a log record of version {version!r:.20}: here it is {VERSION}")


def _written(text: str) -> str:
    # Half of a surrogate pair, which JSON can say, is nothing that a log can be written.
    if not isinstance(text, str):
        raise TypeError(f"{text!r:.20} is no text")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
