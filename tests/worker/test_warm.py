"""
Templates, in this process.
"""

from __future__ import annotations

import errno
import os

import pytest

from twisted_cluster.wire.limit import openDescriptors
from twisted_cluster.worker.warm import template


def test_whatCannotForkKeepsNothingOpen(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The system may have no room for a process again and again.
    """

    def fork() -> int:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", fork)
    read, answer = os.pipe()
    with open(read, "rb") as said:
        before = openDescriptors()
        given = [os.dup(answer) for _ in range(4)]
        os.close(answer)
        assert template._serve(given) is None
        assert said.read().startswith(b"it cannot fork: Resource temporarily")
        assert len(openDescriptors()) == len(before) - 1
