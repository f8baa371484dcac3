"""
A worker that has been broken into takes nobody along: every case of C{tests/intrusions}.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.intrusions.case import Intrusion
from tests.intrusions.every import EVERY
from tests.intrusions.ground import Common, groundFor
from tests.intrusions.trial import intrude

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
# Those with the same options follow each other.
PLAIN = {
    name: case
    for name, case in sorted(EVERY.items(), key=lambda item: item[1].more)
    if case.isPlain
}
OTHERS = {name: case for name, case in EVERY.items() if not case.isPlain}


@pytest.fixture(scope="module")
def common(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Common]:
    """
    The cluster of those that need none of their own.
    """
    made = Common(tmp_path_factory.mktemp("common"))
    yield made
    made.close()


@pytest.mark.parametrize("case", PLAIN.values(), ids=PLAIN.keys())
def test_aBrokenWorkerTakesNobodyAlong(common: Common, case: Intrusion) -> None:
    """
    All but its own clients are served; who does harm is killed, replaced, and named in
    one error line; the primary is as large afterwards as it was.
    """
    with common.ground(case) as ground:
        report = intrude(case, ground)
        report.check()
        ground.renew(report.pid)


@pytest.mark.parametrize("case", OTHERS.values(), ids=OTHERS.keys())
def test_norWhereTheClusterIsAnother(tmp_path: Path, case: Intrusion) -> None:
    """
    With limits, or a user of the workers' own.
    """
    if case.uid is not None and os.getuid() != 0:
        pytest.skip("needs root")
    with groundFor(case, tmp_path) as ground:
        intrude(case, ground).check()
