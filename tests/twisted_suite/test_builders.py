"""
What Twisted's own tests ask of any reactor, the cluster's does.

Set C{OLDEST_TWISTED} to a Python which has the oldest Twisted that we support, to ask
the same with that one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.twisted_suite.factories import NAMES
from tests.twisted_suite.links import ROOT
from tests.twisted_suite.outcomes import load, passed

OLDEST = os.environ.get("OLDEST_TWISTED", "")
isThere = pytest.mark.skipif(not OLDEST, reason="OLDEST_TWISTED is not set")
# With the oldest, one of each kind: to it the others are as epoll.
RUNS = [pytest.param(name, sys.executable, id=f"{name}-this") for name in NAMES]
RUNS += [
    pytest.param(name, OLDEST, id=f"{name}-oldest", marks=isThere)
    for name in ("epoll", "asyncio")
]

pytest.importorskip("hamcrest", reason="Twisted's tests need PyHamcrest")


def run(python: str, output: Path, *options: str) -> tuple[set[str], str]:
    """
    Run the tests in a process of their own.

    @return: Those that passed, and what was printed.
    """
    done = subprocess.run(
        [python, "-m", "tests.twisted_suite.run", "--output", output, *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    return passed(load(output)), done.stdout


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(250)
@pytest.mark.parametrize(("reactor", "python"), RUNS)
def test_whatPassesOnStockPassesOnTheCluster(
    reactor: str, python: str, tmp_path: Path
) -> None:
    """
    A test that passes on the stock reactor passes on the cluster's, where ports and
    connections come from a primary.
    """
    chosen = ("--reactor", reactor)
    stock, _ = run(python, tmp_path / "stock.json", *chosen, "--stock")
    cluster, said = run(python, tmp_path / "cluster.json", *chosen)
    assert len(stock) > 400
    assert stock - cluster == set(), said
    counts = re.search(r"(\d+) binds and (\d+) connections went through", said)
    assert counts is not None, said
    assert all(int(count) > 0 for count in counts.groups()), said
