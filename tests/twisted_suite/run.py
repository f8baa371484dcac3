"""
Run the tests that Twisted has for any reactor, on one reactor.

C{python -m tests.twisted_suite.run --reactor epoll} runs them on the cluster's, and
fails if nothing went through the primary; with C{--stock}, on the reactor as it is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.python.reflect import namedAny
from twisted.trial.itrial import ITestCase
from twisted.trial.runner import TestLoader, TestSuite

from tests.twisted_suite import factories
from tests.twisted_suite.links import LinkSource
from tests.twisted_suite.outcomes import runSuite, save

MODULES = (
    "tcp unix udp tls newtls core fdset process time threads socket stdio endpoints"
).split()
# A worker without a free descriptor is given nothing: clients wait until there is one.
# Stock closes them; so does the cluster if it was faster than that was told.
OTHERWISE = "test_closePeerOnEMFILE"


def comparable(suite: TestSuite) -> Iterator[ITestCase]:
    """
    @return: All tests of a suite but those which are to end otherwise on the cluster.
    """
    for each in suite:
        if isinstance(each, TestSuite):
            yield from comparable(each)
        elif not each.id().endswith(f".{OTHERWISE}"):
            yield each


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
    return runSuite(TestSuite(comparable(suite)))


def runOnCluster(reactor: str, modules: list[str]) -> tuple[dict[str, str], bool]:
    """
    As L{runModules}, on the cluster's reactor.

    @return: What became of each test, and whether the primary had any part in it.
    """
    with LinkSource() as factories.source:
        outcomes = runModules(reactor, modules)
        return outcomes, factories.source.tell()


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
        save(outcomes, asked.output)
    return 0 if took else 1


if __name__ == "__main__":
    sys.exit(main())
