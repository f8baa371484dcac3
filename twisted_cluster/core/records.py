"""
What a worker logs, as bytes: each event is one JSON object.

What is in the event is of no concern here, but for what no reader could cope with. What
JSON has nothing for is put as C{{MARK: ...}}.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable, Generator, Mapping
from typing import TypedDict

from twisted_cluster.errors import MessageError, VersionError

# With a new mark, or another meaning of a field, it is another one. More fields an event
# may always have.
VERSION = 2
# A datagram must fit into a socket's buffer, which has some 200 KB, with others.
LONGEST_DATAGRAM = 65536
# What is longer goes along with a datagram, which says just this.
ALONG = b"along"
LONGEST_RECORD = 1 << 20
# Such take no room in the socket: so many bytes of them may wait to be read, as far as
# the writer can see, and so many are read at once when it has ended.
MOST_ALONG = 1 << 21
LAST_ALONG = 1 << 22
# What is left of a long name, so that most of what is kept is the text.
SYSTEM = 1024
CUT = " [...]"
# The format of what is only text, as twisted.python.log has it.
TEXT = "{log_text}"
# The name of a level of C{twisted.logger}; a L{ToldFailure}.
LEVEL = "__cluster_level__"
FAILURE = "__cluster_failure__"
# To find each in a format takes some 4 us.
MOST_FIELDS = 250
# To read so many values takes some 3 ms, and as many MB. A list, a mapping and a field
# take as long as ten others.
MOST_VALUES = 50_000
HEAVY = 10
# Of a failure that never seemed to end the innermost are left.
MOST_FRAMES = 1000
# What Twisted's own JSON has in place of what cannot be told.
UNTOLD = {"unpersistable": True}

# From 1970 to the last day that has a name.
LAST_SECOND = 253_402_214_400.0

Variables = list[tuple[str, str]]
Frame = tuple[str, str, int, Variables, Variables]

# Of half characters so many are told.
MOST_HALVES = 1000
# Half of a pair of surrogates, as JSON says it.
_TOLD_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_short = reprlib.Repr()
_HALF = re.compile("[\ud800-\udfff]")


class ToldFailure(TypedDict):
    """
    What is told of a failure.

    C{module}, C{name}: of its exception's class. C{value}: the exception as text.
    C{parents}: the names of the classes that it is an instance of. C{frames}: for each
    the function, the file, the line, and, where they were captured, the local and the
    global variables as pairs of texts. C{text}: its traceback.
    """

    module: str
    name: str
    value: str
    parents: list[str]
    frames: list[Frame]
    text: str


def packRecord(
    event: Mapping[str, object], default: Callable[[object], object] | None = None
) -> bytes:
    """
    @param default: Gives JSON for what is none.
    @raise ValueError: If that cannot be.
    @raise TypeError: The same.
    @raise RecursionError: If the event is too deep.
    """
    whole = {"version": VERSION, "event": event}
    text = json.dumps(
        whole,
        default=default,
        skipkeys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return text.encode("utf-8", "backslashreplace")


def packText(event: Mapping[str, object], text: str, most: int) -> bytes:
    """
    Pack an event of which hardly more than its text is left.

    @param event: Some short values.
    @return: At most so many bytes; text that is too long is cut.
    """
    event = {**event, "log_format": TEXT}
    packed = packRecord({**event, "log_text": text})
    while len(packed) > most and text:
        # A quarter less, until it fits: how much a character takes differs.
        text = text[: len(text) * 3 // 4]
        packed = packRecord({**event, "log_text": text + CUT})
    return packed


def isTime(value: object) -> bool:
    """
    Whether a value is a time in seconds, of which a date can be made.
    """
    # What is no number is in no order with one.
    return isinstance(value, (int, float)) and 0 <= value <= LAST_SECOND


def isIntricate(packed: bytes) -> bool:
    """
    Whether a record has so many values that reading it takes long.
    """
    if len(packed) * HEAVY <= MOST_VALUES or _weight(packed) <= MOST_VALUES:
        return False
    # There may be others in texts.
    if b"\\" in packed:
        packed = packed.replace(rb"\\", b"").replace(rb"\"", b"")
    if packed.count(b'"') > 2 * MOST_VALUES:
        # Each is a value, or a field.
        return True
    return _weight(b"".join(packed.split(b'"')[::2])) > MOST_VALUES


def _weight(packed: bytes) -> int:
    return packed.count(b",") + HEAVY * sum(map(packed.count, (b"[", b"{", b":")))


def readRecord(data: bytes) -> dict[str, object]:
    """
    @return: The event.
    @raise MessageError: If it is none.
    @raise VersionError: If it is what another version's makes.
    """
    steps = readInSteps(data)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            event: dict[str, object] = done.value
            return event


def readInSteps(data: bytes) -> Generator[None, None, dict[str, object]]:
    """
    The same as L{readRecord}, for a long one: none of the steps takes long.
    """
    try:
        if isIntricate(data):
            raise ValueError("it has too many values")
        yield
        told: dict[str, object] = json.loads(data.decode("utf-8"))
        yield
        if b"\\" in data and _TOLD_HALF.search(data):
            told = yield from _withoutHalves(told)
        version, event = told["version"], told.get("event")
        if version == VERSION:
            return _fields(event)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise MessageError(f"{data[:60]!r} is no record ({error})") from None
    raise VersionError(
        f"a log record of version {shortly(version)}: here it is {VERSION}"
    )


def shortly(value: object) -> str:
    """
    @return: The beginning of what C{repr} says, which would look at all of it.
    """
    return f"{_short.repr(value):.20}"


def _fields(event: object) -> dict[str, object]:
    if not isinstance(event, dict):
        raise TypeError(f"{shortly(event)} is no event")
    return event


def _withoutHalves(
    told: dict[str, object],
) -> Generator[None, None, dict[str, object]]:
    """
    @return: The same. What is no character, but half of one, is nothing that a log can be
        written.
    """
    text = json.dumps(told, ensure_ascii=False)
    yield
    if not _HALF.search(text):
        return told
    # So many, and question marks: each takes a while.
    named = _HALF.sub(_named, text, MOST_HALVES)
    yield
    whole: dict[str, object] = json.loads(named.encode("utf-8", "replace"))
    return whole


def _named(half: re.Match[str]) -> str:
    return f"\\\\u{ord(half.group()):x}"
