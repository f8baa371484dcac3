"""
Run all of Twisted's tests with the cluster's reactor as the global one, and compare.

C{python -m tests.twisted_suite.whole} runs them on the stock reactor, then on the
cluster's; minutes each. C{--forked}: the latter in a process that was forked when it had
imported what a template has. C{--part} runs one of the two, and names after the options
stand for what trial is to run instead of C{twisted}.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from twisted.application.reactors import installReactor
from twisted.trial.runner import TestLoader

from tests.twisted_suite.links import ROOT, LinkSource
from tests.twisted_suite.outcomes import load, passed, runSuite, save
from twisted_cluster.defaults import TWISTED
from twisted_cluster.wire.bootstrap import TWISTD
from twisted_cluster.worker.warm.preloading import preload

PARTS = ("stock", "cluster")


def runForked(reactorName: str, names: list[str], output: Path) -> int:
    """
    Run the tests on the cluster's reactor, in a process forked from one like a template.

    @return: As L{runPart}.
    """
    preload(TWISTD, ["cluster-app"], TWISTED, ())
    gc.collect()
    gc.freeze()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return runPart("cluster", reactorName, names, output)


def runPart(part: str, reactorName: str, names: list[str], output: Path) -> int:
    """
    Run the tests on one reactor, in this process.

    @return: The exit code: 1 if nothing went through the primary that should have.
    """
    reactor = installReactor(reactorName)
    loader = TestLoader()
    if part == "stock":
        save(runSuite(loader.loadByNames(names, True)), output)
        return 0
    with LinkSource() as source:
        source.join(reactor)
        save(runSuite(loader.loadByNames(names, True)), output)
        return 0 if source.tell() else 1


def runBoth(
    reactor: str, names: list[str], directory: Path, more: Sequence[str] = ()
) -> int:
    """
    Run the tests on each, in a process of its own, and say what differs.

    @return: The exit code: 1 if a test passes on the stock reactor only.
    """
    results = []
    for part in PARTS:
        output = directory / f"{part}.json"
        options = [*more, "--part", part, "--reactor", reactor, "--output", str(output)]
        subprocess.run(
            [sys.executable, "-m", "tests.twisted_suite.whole", *options, *names],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            check=True,
        )
        results.append(load(output))
    return compare(*results)


def compare(stock: dict[str, str], cluster: dict[str, str]) -> int:
    """
    Say what differs.

    @return: The exit code: 1 if a test passes on the stock reactor only.
    """
    print(f"{len(passed(stock))} pass on stock, {len(passed(cluster))} on the cluster")
    for test in sorted({*stock, *cluster}):
        if stock.get(test) != cluster.get(test):
            print(f"{test}: {stock.get(test)} on stock, {cluster.get(test)} on cluster")
    return 1 if passed(stock) - passed(cluster) else 0


def main() -> int:
    """
    @return: The exit code.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--reactor", default="epoll")
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--forked", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("outcomes.json"))
    parser.add_argument("names", nargs="*", default=["twisted"])
    asked = parser.parse_args()
    if asked.part == "cluster" and asked.forked:
        return runForked(asked.reactor, asked.names, asked.output)
    if asked.part:
        return runPart(asked.part, asked.reactor, asked.names, asked.output)
    with tempfile.TemporaryDirectory() as directory:
        more = ["--forked"] if asked.forked else []
        return runBoth(asked.reactor, asked.names, Path(directory), more)


if __name__ == "__main__":
    sys.exit(main())
