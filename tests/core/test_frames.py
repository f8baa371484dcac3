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


def mayHaveExtra(frame: Frame) -> bool:
    if frame.kind == frames.MESSAGE:
        return bool(frame.flags & (frames.HANDLE | frames.LISTENER))
    return frame.kind in frames.TOPIC_KINDS


someFrames = lists(
    builds(
        Frame,
        kind=sampled_from(sorted(frames.FRAME_KINDS)),
        flags=integers(0, 65535),
        number=integers(0, 2**64 - 1),
        extra=binary(max_size=30),
        body=binary(max_size=300),
    ).map(lambda frame: frame if mayHaveExtra(frame) else frame._replace(extra=b"")),
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


@given(someFrames.filter(bool), lists(integers(1, 200), min_size=1))
def test_whatIsByItselfNeedNotBeFed(sent: list[Frame], sizes: list[int]) -> None:
    """
    It is what would come of that; what is none, or only continues another, is to be fed.
    """
    reader, stream, at, come = FrameReader(), bytesOf(sent[0]), 0, []
    for size in [*sizes, len(stream)]:
        piece, at = stream[at : at + size], at + size
        frame = reader.alone(piece)
        come += [frame] if frame else reader.feed(piece)
    assert [frame._replace(body=bytes(frame.body)) for frame in come] == sent[:1]
    again = reader.alone(stream)
    isPlain = sent[0].kind in frames.PLAIN_KINDS and not sent[0].flags & frames.HANDLE
    assert again == (sent[0] if isPlain and not sent[0].extra else None)


@given(binary(max_size=200))
def test_garbageIsNoFrameByItself(data: bytes) -> None:
    """
    What feeding it would refuse is left to that.
    """
    frame = FrameReader().alone(data)
    assert frame is None or FrameReader().feed(data) == [frame]


def test_aFrameThatIsTooLongIsRefusedByItsHead() -> None:
    """
    Nobody can make us wait for, or keep, more than the limit.
    """
    head = packHead(Frame(frames.MESSAGE, body=bytes(1001)))
    with pytest.raises(MessageError, match="1001 bytes"):
        FrameReader(longest=1000).feed(head)


@given(someFrames, lists(integers(1, 200), min_size=1))
def test_whatNobodyWantsIsNotKept(sent: list[Frame], sizes: list[int]) -> None:
    """
    Of what comes in parts there is the head at most; what comes behind it is whole.
    """
    stream = b"".join(map(bytesOf, sent))
    reader = FrameReader(isWanted=lambda kind, number: kind != frames.MESSAGE)
    come, at, turn = [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        come += reader.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
        assert reader.coming == HEAD or sent[len(come)].kind != frames.MESSAGE
    assert [frame[:3] for frame in come] == [frame[:3] for frame in sent]
    for was, now in zip(sent, come):
        isWhole = (was.extra, was.body) == (now.extra, bytes(now.body))
        isHead = (now.extra, now.body) == (b"", b"") and now.kind == frames.MESSAGE
        assert isWhole or isHead


def test_extrasThatMeanNothingAreRefused() -> None:
    """
    Nor is a topic's name a text.
    """
    for frame in (
        Frame(frames.MESSAGE, 0, 0, b"x"),
        Frame(frames.ASK, frames.HANDLE, 0, b"x"),
        Frame(frames.ANSWER, 0, 0, b"x"),
        Frame(frames.PUBLISH, 0, 0, b"x" * (frames.LONGEST_TOPIC + 1)),
    ):
        with pytest.raises(MessageError, match="extra"):
            FrameReader().feed(packHead(frame))


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
