"""
Run the tests that Twisted has for any reactor, on one reactor.

C{python -m tests.twisted_suite.run --reactor epoll} runs them on the cluster's, and
fails if nothing went through the primary; with C{--stock}, on the reactor as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.python.reflect import namedAny
from twisted.trial import reporter
from twisted.trial.runner import TestLoader, TestSuite, TrialRunner

from tests.twisted_suite import factories
from tests.twisted_suite.links import LinkSource

MODULES = (
    "tcp unix udp tls newtls core fdset process time threads socket stdio endpoints"
).split()


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


def runModules(reactor: str, modules: list[str]) -> dict[str, str]:
    """
    Run modules of C{twisted.internet.test}.

    @return: What became of each test, by its id.
    """
    # Read when the modules are imported.
    ReactorBuilder._reactors = [
        f"tests.twisted_suite.factories.{factories.NAMES[reactor]}"
    ]
    loader = TestLoader()
    suite = TestSuite(
        loader.loadModule(namedAny(f"twisted.internet.test.test_{module}"))
        for module in modules
    )
    results = []

    def newReporter(*arguments: Any, **options: Any) -> Outcomes:
        results.append(Outcomes(*arguments, **options))
        return results[0]

    with tempfile.TemporaryDirectory() as directory:
        work = os.path.join(directory, "trial")
        TrialRunner(newReporter, workingDirectory=work).run(suite)
    return results[0].byTest


def runOnCluster(reactor: str, modules: list[str]) -> tuple[dict[str, str], bool]:
    """
    As L{runModules}, on the cluster's reactor.

    @return: What became of each test, and whether the primary had any part in it.
    """
    factories.source = LinkSource()
    try:
        outcomes = runModules(reactor, modules)
        binds, connections = factories.source.report()
    finally:
        factories.source.close()
    print(f"{binds} binds and {connections} connections went through the primary")
    return outcomes, bool(binds and connections)


def main() -> int:
    """
    @return: The exit code: 0 whatever the tests said.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--reactor", choices=factories.NAMES, default="epoll")
    parser.add_argument("--stock", action="store_true", help="not clustered")
    parser.add_argument("--output", type=Path, help="file for the outcomes")
    parser.add_argument("modules", nargs="*", default=MODULES)
    asked = parser.parse_args()
    if asked.stock:
        outcomes, took = runModules(asked.reactor, asked.modules), True
    else:
        outcomes, took = runOnCluster(asked.reactor, asked.modules)
    if asked.output:
        asked.output.write_text(json.dumps(outcomes, indent=1, sort_keys=True))
    return 0 if took else 1


if __name__ == "__main__":
    sys.exit(main())
