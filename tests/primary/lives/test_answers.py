"""
Whether a worker that asks reads its answers.
"""

from __future__ import annotations

import time
from contextlib import suppress

from tests.logged import logging
from tests.primary.lives.speaking import Worker
from twisted_cluster.core import frames
from twisted_cluster.primary.lives import answers as module
from twisted_cluster.talk.ears import hearNothing


def manyQuestions(worker: Worker) -> None:
    """
    It asks, until it is not read any more.
    """
    question = frames.packHead(frames.Frame(frames.ASK, body=b"1")) + b"1"
    hearNothing(worker.conversation.peer.ears)
    worker.mail.setblocking(False)
    mail = worker.conversation.peer.mail
    for _ in range(10_000):
        with suppress(BlockingIOError):
            worker.mail.send(question * 100)
        mail.doRead()
        worker.reactor.advance(0.1)
        mail.doWrite()
        if worker.conversation._answers.isOn:
            return
    raise AssertionError("it is read on")


def test_whoReadsNoAnswersIsKilled(worker: Worker) -> None:
    """
    But one that may be at work, or reads at least something, is not.
    """
    manyQuestions(worker)
    with logging() as logged:
        # Its heart does not beat.
        worker.reactor.advance(module.UNREAD + 1)
        assert worker.heard == []
        worker.hand.page.heartbeat = time.monotonic_ns()
        worker.mail.recv(100_000)
        worker.conversation.peer.mail.doWrite()
        worker.reactor.advance(module.UNREAD + 1)
        assert worker.heard == []
        worker.hand.page.heartbeat = time.monotonic_ns()
        worker.reactor.advance(module.UNREAD + 1)
    assert worker.heard == ["kill"]
    assert "has read none of its answers for 30 s; killed" in "".join(logged.texts())


def test_whoReadsItsAnswersIsReadOn(worker: Worker) -> None:
    """
    However long it did not.
    """
    manyQuestions(worker)
    mail = worker.conversation.peer.mail
    while mail.waiting:
        worker.mail.recv(1 << 20)
        mail.doWrite()
    assert not worker.conversation._answers.isOn
