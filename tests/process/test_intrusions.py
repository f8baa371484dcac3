"""
A worker that has been broken into takes nobody along: every case of C{tests/intrusions}.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.intrusions.case import Intrusion
from tests.intrusions.every import EVERY
from tests.intrusions.trial import intrude

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


@pytest.mark.parametrize("case", EVERY.values(), ids=EVERY.keys())
def test_aBrokenWorkerTakesNobodyAlong(tmp_path: Path, case: Intrusion) -> None:
    """
    All but its own clients are served; who does harm is killed, replaced, and named in
    one error line; the primary is as large afterwards as it was.
    """
    if case.uid is not None and os.getuid() != 0:
        pytest.skip("needs root")
    intrude(case, tmp_path).check()
