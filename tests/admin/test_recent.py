"""
What was logged lately.
"""

from __future__ import annotations

import gc
import json
import threading
import weakref

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, Logger, LogPublisher

from twisted_cluster.admin.recent import KEPT, LONGEST, Recent, asJSON, asText


class Threads(MemoryReactorClock):
    """
    Keeps what other threads want to be called.
    """

    def callFromThread(self, callable, *args, **kw):  # type: ignore[no-untyped-def]
        """
        @see: L{twisted.internet.interfaces.IReactorFromThreads}
        """
        self.callLater(0, callable, *args, **kw)


class Thing:
    """
    What an event may have in it.
    """


def listening(level: str = "info") -> tuple[Recent, Logger]:
    """
    One that listens, and what it listens to.
    """
    publisher = LogPublisher()
    recent = Recent(publisher, Threads(), level)
    recent.begin()
    return recent, Logger("application", observer=publisher)


def test_theLastOnesAreKept() -> None:
    """
    In order, and only what the log has too.
    """
    recent, log = listening()
    for number in range(KEPT + 10):
        log.info("line {number}", number=number)
        log.debug("nobody sees this")
    texts = [asText(event) for event in recent.events()]
    assert len(texts) == KEPT
    assert texts[0].endswith("line 10\n")
    assert texts[-1].endswith(f"line {KEPT + 9}\n")


def test_nothingIsKeptAlive() -> None:
    """
    Of this process's own events their text is kept.
    """
    recent, log = listening()
    thing = Thing()
    log.info("here is {thing}", thing=thing)
    there = weakref.ref(thing)
    del thing
    gc.collect()
    assert there() is None
    assert "here is <" in asText(recent.events()[0])
    assert "here is <" in json.loads(asJSON(recent.events()[0]))["text"]


def test_whatIsLongIsCut() -> None:
    """
    A worker's, whatever it is long in, and this process's own.
    """
    recent, log = listening()
    log.info("{x}", x="x" * 100_000)
    for more in ({"x": "y" * 100_000}, {"x": [1] * 100_000}, {"log_flattened": {}}):
        recent(
            {
                "log_format": "short",
                "log_level": None,
                "log_time": 0.0,
                "cluster_system": "worker",
                "cluster_worker": 1,
                **more,
            }
        )
    sizes = [len(str(event)) for event in recent.events()]
    assert len(sizes) == 4
    assert max(sizes) < LONGEST + 1000
    assert all(one.get("cluster_worker") == 1 for one in recent.events()[1:])


def test_listenersHearInTheThreadOfTheReactor() -> None:
    """
    Whoever logs.
    """
    recent, log = listening()
    heard: list[LogEvent] = []
    recent.listeners.append(heard.append)
    log.info("at once")
    thread = threading.Thread(target=log.info, args=("later",))
    thread.start()
    thread.join()
    assert [event["log_format"] for event in heard] == ["at once"]
    recent._reactor.advance(0)  # type: ignore[attr-defined]
    assert [event["log_format"] for event in heard] == ["at once", "later"]


def test_itEnds() -> None:
    """
    Nothing is kept then.
    """
    recent, log = listening()
    log.info("one")
    recent.end()
    log.info("two")
    assert recent.events() == []
