"""
What is asked of a file system aside.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from twisted_cluster.wire import apart as module
from twisted_cluster.wire.apart import MOST, apart, begin, isPossible

pytestmark = pytest.mark.skipif(not isPossible(), reason="threads have no such place")


def test_itsDirectoryAndUmaskAreItsOwn(tmp_path: Path) -> None:
    """
    Nobody else is led elsewhere by it.
    """
    before = os.getcwd()

    def work() -> str:
        os.chdir(tmp_path)
        os.umask(0o777)
        return os.getcwd()

    call = begin(work)
    assert call.isDone(5.0)
    assert call.result() == str(tmp_path)
    assert os.getcwd() == before
    os.umask(was := os.umask(0))
    assert was != 0o777


def test_whatItRaisesIsRaised() -> None:
    """
    As if it had been done at once.
    """
    with pytest.raises(FileNotFoundError):
        apart(lambda: os.unlink("/nowhere/at/all"), "here")


def test_whereOneIsLateNobodyIsWaitedFor() -> None:
    """
    Nor are there threads without bound; elsewhere all is as before.
    """
    answer, done = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        answer.wait()
        done.release()

    for _ in range(MOST + 4):
        with pytest.raises(TimeoutError):
            apart(work, "here", 0.0)
    apart(lambda: None, "there", 5.0)
    answer.set()
    for _ in range(MOST):
        assert done.acquire(timeout=5.0)
    for call in module._late.get("here", ()):
        assert call.isDone(5.0)
    apart(lambda: None, "here", 5.0)
    assert not done.acquire(blocking=False)


def test_withoutThreadsItIsDoneAtOnce(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The system may have none to spare.
    """

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    found: list[int] = []
    apart(lambda: found.append(threading.get_ident()), "here")
    assert found == [threading.get_ident()]
