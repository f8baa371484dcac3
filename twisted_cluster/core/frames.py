"""
What travels on the mail stream: frames, and their bytes.

A frame has a fixed head, then its C{extra} (a topic's name, the unread bytes of a
connection that comes along, or what a listener says of itself), then its body. What the
body says is the users' affair: its kind is in the head, so that no message can look like
something else.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from twisted_cluster.errors import MessageError, MessageTooLongError, VersionError

MESSAGE, ASK, ANSWER, REFUSAL, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, MISSED = range(1, 9)
FRAME_KINDS = frozenset(range(1, 9))
PLAIN_KINDS = frozenset({MESSAGE, ASK, ANSWER, REFUSAL})
TOPIC_KINDS = frozenset({PUBLISH, SUBSCRIBE, UNSUBSCRIBE})
# Flags.
HANDLE = 1
ADVANCED = 2
LISTENER = 4

VERSION = 1
# In bytes. It is held whole at both ends: what is longer is better sent in parts.
LONGEST_FRAME = 1 << 28
# A topic's name, which goes with every message and is held by every process, is no text.
LONGEST_TOPIC = 1024
# What is so short, in bytes, is copied: that is less than it takes to refer to a part.
SHORT = 1 << 12
# Version, kind, flags, length of extra, of the body, number; 4 bytes are free.
_head = Struct("<BBHIIQ4x")
HEAD = _head.size
_unpack = _head.unpack_from


class Frame(NamedTuple):
    """
    One message on its way.

    @ivar kind: One of L{FRAME_KINDS}.
    @ivar flags: L{HANDLE}: a descriptor comes along. L{ADVANCED}: the body is not JSON.
        L{LISTENER}: a listener of the primary's goes with it.
    @ivar number: The question that is asked or answered; the sender of what is
        published, by id, 0 for the primary; how many were missed; the listener.
    @ivar extra: Of what is about a topic its name; what was read of the connection that
        comes along; what there is to know of the listener; of all others empty.
    @ivar body: At most L{LONGEST_FRAME} bytes, with C{extra}.
    """

    kind: int
    flags: int = 0
    number: int = 0
    extra: bytes = b""
    body: bytes | memoryview = b""


# A tuple's own, without the call in between that a named one makes: 0.1 us.
_make: Callable[[type[Frame], tuple[int, int, int, bytes, bytes | memoryview]], Frame]
_make = tuple.__new__


def packHead(frame: Frame) -> bytes:
    """
    @see: L{headOf}
    """
    return headOf(*frame)


def headOf(
    kind: int, flags: int, number: int, extra: bytes, body: bytes | memoryview
) -> bytes:
    """
    The head and C{extra}; the body follows as it is, so that it need not be copied.

    @raise MessageTooLongError: If frame is longer than L{LONGEST_FRAME}.
    """
    extras, length = len(extra), len(body)
    if extras + length > LONGEST_FRAME:
        raise MessageTooLongError(
            f"message of {extras + length} bytes: the limit is {LONGEST_FRAME}"
        )
    head = _head.pack(VERSION, kind, flags, extras, length, number)
    return head + extra if extra else head


def _always(kind: int, number: int) -> bool:
    return True


class FrameReader:
    """
    Cuts a stream of bytes into frames.

    @ivar coming: How long the frame is of which a part has come, in bytes.
    """

    def __init__(
        self, longest: int = LONGEST_FRAME, isWanted: Callable[[int, int], bool] = _always
    ) -> None:
        """
        @param longest: No frame's extra and body are longer, in bytes.
        @param isWanted: Given a frame's kind and number: whether anybody wants its
            content. If not, and it comes in parts, none of them is kept.
        """
        self.coming = HEAD
        self._longest = longest
        self._isWanted = isWanted
        self._rest = bytearray()
        self._unwanted = 0

    def alone(self, data: bytes) -> Frame | None:
        """
        @param data: What has come.
        @return: The frame that this is, if it is a short one by itself, of those that
            come most often; L{None}: it is to be fed.
        """
        size = len(data)
        if size > SHORT or size < HEAD or self._rest or self._unwanted:
            return None
        version, kind, flags, extras, length, number = _unpack(data)
        isPlain = version == VERSION and kind in PLAIN_KINDS and not flags & HANDLE
        if HEAD + length != size or extras or not isPlain:
            return None
        return _make(Frame, (kind, flags, number, b"", data[HEAD:]))

    def feed(self, data: bytes) -> list[Frame]:
        """
        @param data: What has come; frames may refer to it, so it must not change.
        @return: The frames that are complete now.
        @raise MessageError: If these are no frames, or one is too long.
        @raise VersionError: If they are another version's.
        """
        if self._unwanted:
            data = self._withoutUnwanted(data)
        if not self._rest:
            return self._cut(data)
        self._rest += data
        if len(self._rest) < self.coming:
            return []
        whole, self._rest = self._rest, bytearray()
        return self._cut(whole)

    def _withoutUnwanted(self, data: bytes) -> bytes:
        count = min(self._unwanted, len(data))
        self._unwanted -= count
        return data[count:]

    def _cut(self, data: bytes | bytearray) -> list[Frame]:
        frames: list[Frame] = []
        size, start = len(data), 0
        view: bytes | memoryview = (
            data if size <= SHORT and isinstance(data, bytes) else memoryview(data)
        )
        self.coming = HEAD
        while size - start >= HEAD:
            version, kind, flags, extras, length, number = _head.unpack_from(data, start)
            if version != VERSION:
                raise VersionError(f"a frame of version {version}: here it is {VERSION}")
            if kind not in FRAME_KINDS or extras + length > self._longest:
                raise MessageError(f"no frame: kind {kind}, {extras} + {length} bytes")
            if extras > LONGEST_TOPIC or (extras and kind not in TOPIC_KINDS):
                self._checkExtra(kind, flags, extras)
            body = start + HEAD + extras
            if body + length > size:
                if self._isWanted(kind, number):
                    self.coming = HEAD + extras + length
                    break
                frames.append(Frame(kind, flags, number))
                self._unwanted, start = body + length - size, size
                break
            extra = bytes(view[start + HEAD : body]) if extras else b""
            start = body + length
            frames.append(_make(Frame, (kind, flags, number, extra, view[body:start])))
        if start < size:
            self._rest = bytearray(memoryview(data)[start:])
        return frames

    def _checkExtra(self, kind: int, flags: int, size: int) -> None:
        """
        Of a message alone: of a topic it is not too long, and of others there is none.
        """
        isMessage = kind == MESSAGE
        if isMessage and flags & HANDLE:
            return
        if not (isMessage and flags & LISTENER) or size > LONGEST_TOPIC:
            raise MessageError(f"no frame: kind {kind} with {size} bytes of extra")
