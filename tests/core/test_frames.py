"""
Frames, cut from any stream.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import binary, builds, integers, lists, sampled_from

from twisted_cluster.core import frames
from twisted_cluster.core.frames import HEAD, Frame, FrameReader, packHead
from twisted_cluster.errors import MessageError, MessageTooLongError, VersionError

someFrames = lists(
    builds(
        Frame,
        kind=sampled_from(sorted(frames.FRAME_KINDS)),
        flags=integers(0, 65535),
        number=integers(0, 2**64 - 1),
        extra=binary(max_size=30),
        body=binary(max_size=300),
    ),
    max_size=8,
)


def bytesOf(frame: Frame) -> bytes:
    return packHead(frame) + bytes(frame.body)


@given(someFrames, lists(integers(1, 200), min_size=1))
def test_framesSurviveAnySplit(sent: list[Frame], sizes: list[int]) -> None:
    """
    However the stream is cut, the same frames come out, in order.
    """
    stream = b"".join(map(bytesOf, sent))
    reader, come, at, turn = FrameReader(), [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        come += reader.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert [frame._replace(body=bytes(frame.body)) for frame in come] == sent


@given(binary(min_size=HEAD, max_size=200))
def test_garbageIsRefusedOrIsFrames(data: bytes) -> None:
    """
    Whatever comes, there are frames, or an error of ours.
    """
    try:
        FrameReader(longest=1000).feed(data)
    except MessageError:
        pass


def test_aFrameThatIsTooLongIsRefusedByItsHead() -> None:
    """
    Nobody can make us wait for, or keep, more than the limit.
    """
    head = packHead(Frame(frames.MESSAGE, body=bytes(1001)))
    with pytest.raises(MessageError, match="1001 bytes"):
        FrameReader(longest=1000).feed(head)


def test_aMessageThatIsTooLongIsNotSent() -> None:
    """
    The sender is told, with the size and the limit.
    """

    class Huge(bytes):
        def __len__(self) -> int:
            return frames.LONGEST_FRAME + 1

    with pytest.raises(MessageTooLongError, match=str(frames.LONGEST_FRAME)):
        packHead(Frame(frames.MESSAGE, body=Huge()))


def test_anotherVersionSaysSo() -> None:
    """
    A frame that may mean something else is not guessed at.
    """
    head = bytearray(packHead(Frame(frames.MESSAGE)))
    head[0] = 9
    with pytest.raises(VersionError, match="version 9"):
        FrameReader().feed(bytes(head))
