"""
Events as lines.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.logger import LogEvent, Logger, LogLevel
from twisted.python import log as legacy

from tests.logged import Logged, logging
from twisted_cluster.logs.lines import isShown, jsonLine, textLine


def eventOf(**fields: Any) -> LogEvent:
    """
    An event of the beginning of time, in Greenwich.
    """
    return {"log_time": 0.0, "log_level": LogLevel.info, **fields}


@pytest.fixture
def heard() -> Logged:
    """
    What an application logs in the ways that there are.
    """
    with logging() as logged:
        log = Logger("shop")
        try:
            raise KeyError("stock")
        except KeyError:
            log.failure("no {what}", what="stock")
        legacy.msg("old", system="HTTPChannel,1")
        legacy.msg("")
    return logged


def test_whoSaysItIsShownWithTheLevel(heard: Logged) -> None:
    """
    The traceback is indented; what says nothing is not written.
    """
    failed, old, nothing = map(textLine, heard.events)
    assert "[shop#critical] no stock\n\tTraceback" in failed
    assert failed.endswith("builtins.KeyError: 'stock'\n")
    assert old.endswith("[HTTPChannel,1#info] old\n")
    assert nothing == ""


def test_objectsHaveTheFailureApart(heard: Logged) -> None:
    """
    And the names of who says it.
    """
    failed, old = (json.loads(jsonLine(event)) for event in heard.events[:2])
    assert (failed["text"], failed["level"]) == ("no stock", "critical")
    assert failed["failure"].endswith("builtins.KeyError: 'stock'")
    assert failed["fields"] == {"what": "stock"}
    assert (old["system"], old["namespace"]) == ("HTTPChannel,1", "log_legacy")
    assert jsonLine(heard.events[2]) == ""


def test_workersAreNamedOnce() -> None:
    """
    What a worker says begins with its number; a line about it is the cluster's own.
    """
    known = {"cluster_worker": 2, "cluster_pid": 77}
    own = eventOf(log_format="x", log_namespace="twisted_cluster.a", **known)
    assert "[cluster#info] x" in textLine(own)
    assert "worker 2" not in textLine(own)
    said = {**own, "cluster_system": "shop#info", "log_system": "worker 2 shop#info"}
    assert "worker 2 [shop#info] x" in textLine(said)
    assert json.loads(jsonLine(said))["pid"] == 77


def test_aTimeThatIsNoneIsNoEnd() -> None:
    """
    It may be a worker's, who may say what it likes.
    """
    for time in (float("nan"), 1e300, "noon", None):
        event = eventOf(log_format="x", log_namespace="y")
        event["log_time"] = time
        assert textLine(event) == "- [y#info] x\n"
        assert json.loads(jsonLine(event))["time"] == "-"


def test_whatIsShown() -> None:
    """
    From the level on; of workers' routine nothing, unless all is asked for.
    """
    said = eventOf(log_format="x", log_level=LogLevel.warn)
    assert isShown(said, "warn")
    assert not isShown(said, "error")
    routine = eventOf(log_format="Main loop terminated.", cluster_system="a#info")
    assert not isShown(routine, "info")
    assert isShown(routine, "debug")
    del routine["cluster_system"]
    assert isShown(routine, "info")
