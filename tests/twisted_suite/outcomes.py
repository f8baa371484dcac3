"""
What became of tests.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial import reporter
from twisted.trial.runner import TestSuite, TrialRunner


class Outcomes(reporter.Reporter):
    """
    Notes what became of each test: the last thing but success that was said of it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.byTest: dict[str, str] = {}

    def addSuccess(self, test: Any) -> None:
        super().addSuccess(test)
        self.byTest.setdefault(test.id(), "pass")

    def addFailure(self, test: Any, fail: Any) -> None:
        super().addFailure(test, fail)
        self.byTest[test.id()] = "fail"

    def addError(self, test: Any, error: Any) -> None:
        super().addError(test, error)
        self.byTest[getattr(test, "id", lambda: str(test))()] = "error"

    def addSkip(self, test: Any, reason: Any) -> None:
        super().addSkip(test, reason)
        self.byTest[test.id()] = "skip"

    def addExpectedFailure(self, test: Any, *rest: Any) -> None:
        super().addExpectedFailure(test, *rest)
        self.byTest[test.id()] = "expected failure"

    def addUnexpectedSuccess(self, test: Any, *rest: Any) -> None:
        super().addUnexpectedSuccess(test, *rest)
        self.byTest[test.id()] = "unexpected success"


def runSuite(suite: TestSuite) -> dict[str, str]:
    """
    Run tests with trial, in this process.

    @return: What became of each test, by its id.
    """
    results = []

    def newReporter(*arguments: Any, **options: Any) -> Outcomes:
        results.append(Outcomes(*arguments, **options))
        return results[0]

    with tempfile.TemporaryDirectory() as directory:
        work = os.path.join(directory, "trial")
        TrialRunner(newReporter, workingDirectory=work).run(suite)
    return results[0].byTest


def save(outcomes: Mapping[str, str], file: Path) -> None:
    """
    Write outcomes down, for L{load}.
    """
    file.write_text(json.dumps(outcomes, indent=1, sort_keys=True))


def load(file: Path) -> dict[str, str]:
    """
    @return: What L{save} was given.
    """
    return dict(json.loads(file.read_text()))


def passed(outcomes: Mapping[str, str]) -> set[str]:
    """
    @return: The tests that passed.
    """
    return {test for test, outcome in outcomes.items() if outcome == "pass"}
