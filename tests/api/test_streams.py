"""
What the primary has of a worker's streams.
"""

from __future__ import annotations

import pytest

from twisted_cluster.api.streams import Stream
from twisted_cluster.errors import ChannelClosedError


class Pipe:
    """
    @ivar done: What was written to it, and that it was closed.
    """

    def __init__(self) -> None:
        self.done: list[bytes | None] = []

    def close(self) -> None:
        self.done.append(None)


@pytest.mark.parametrize("early", [True, False])
def test_whatIsDoneEarlyIsDoneInTheEnd(early: bool) -> None:
    """
    A worker that waits for its turn to start finds what it would have found: all that
    was written, and that no more comes.
    """
    stream, pipe = Stream(), Pipe()
    if not early:
        stream.attach(pipe.done.append, pipe.close)
    stream.write(b"a")
    stream.write(b"b")
    stream.close()
    if early:
        stream.write(b"too late")
        stream.attach(pipe.done.append, pipe.close)
    assert pipe.done == [b"a", b"b", None]


def test_whatHasEndedIsNotClosedAgain() -> None:
    """
    Nor can anything be written; the end is told once.
    """
    stream, pipe, ends = Stream(), Pipe(), []
    stream.on("end", lambda: ends.append(True))
    stream.attach(pipe.done.append, pipe.close)
    stream.end()
    stream.end()
    stream.close()
    with pytest.raises(ChannelClosedError):
        stream.write(b"x")
    assert pipe.done == []
    assert ends == [True]
