"""
What stacks say.
"""

from __future__ import annotations

from twisted_cluster.core.process_status import ProcessStatus
from twisted_cluster.core.stacks import Frame, mainFrames, whereIn

STACKS = """
Thread 0x00007f1 (most recent call first):
  File "/lib/threading.py", line 331 in wait
  File "/app/pool.py", line 7 in run

Current thread 0x00007f2 [MainThread] (most recent call first):
  File "/lib/socket.py", line 851 in create_connection
  File "/app/a "b".py", line 3 in <module>
  File "<frozen importlib._bootstrap>", line 241 in _call_with_frames_removed
  File ???, line ??? in ???
"""


def isLibrary(file: str) -> bool:
    return file.startswith(("/lib/", "<", "?"))


def test_theMainThreadIsTheLast() -> None:
    """
    With the innermost call first.
    """
    frames = mainFrames(STACKS)
    assert [str(frame) for frame in frames[:2]] == [
        "/lib/socket.py:851 in create_connection",
        '/app/a "b".py:3 in <module>',
    ]
    assert len(frames) == 4


def test_ofTooManyThreadsItIsTheOneThatHasHeardTheSignal() -> None:
    """
    The last of them are not told.
    """
    threads = STACKS.split("\n\n")
    text = "\n\n".join([threads[1], threads[0], "..."])
    assert mainFrames(text) == mainFrames(STACKS)


def test_whatIsNoStackHasNoFrames() -> None:
    """
    Whatever a worker writes.
    """
    assert mainFrames("") == []
    assert mainFrames('  File "a", line 1 in b\nsomething else') == []


def test_theApplicationsInnermostCallIsWhereItIs() -> None:
    """
    Else the innermost of what is less and less its own.
    """
    frames = mainFrames(STACKS)
    assert whereIn(frames, [isLibrary]) == frames[1]
    assert whereIn(frames, [lambda _: True, isLibrary]) == frames[1]
    assert whereIn(frames, [lambda _: True]) == frames[0]
    assert whereIn([], [isLibrary]) is None
    assert whereIn([Frame("a", "1", "b")], []) == Frame("a", "1", "b")


def test_whatLinuxSaysOfAProcess() -> None:
    """
    Which signals it catches, whether it is stopped, and by whom.
    """
    text = "Name:\tx\nState:\tt (tracing stop)\nTracerPid:\t7\nSigCgt:\t{:016x}\n"
    status = ProcessStatus.parse(text.format(1 << 62 | 1))
    assert [number for number in range(66) if status.catches(number)] == [1, 63]
    assert status.isStopped
    assert status.tracer == 7
    assert not status.isGone
