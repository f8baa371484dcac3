"""
The suite and its page are complete.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter

import pytest

from tests.conformance.document import MEASURED, PAGE, page
from tests.conformance.node.__main__ import measure, scenarios, version
from tests.conformance.rows import LEFT, SECTIONS, found


def test_everyRowHasOneTest() -> None:
    """
    Each row that applies has exactly one test, and no test is of another row.
    """
    wanted = [name for section in SECTIONS for name in section.rows]
    counts = Counter(row.name for row in found())
    assert counts == Counter(wanted)
    assert not set(wanted) & set(LEFT)


def test_everyScenarioIsMeasured() -> None:
    """
    What the page says of Node was measured with the scripts that are here.
    """
    assert set(json.loads(MEASURED.read_text())["rows"]) == set(scenarios())


def test_pageIsGenerated() -> None:
    """
    docs/conformance.md is what python -m tests.conformance.document writes.
    """
    assert PAGE.read_text() == page()


@pytest.mark.process
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_nodeDoesWhatWasMeasured() -> None:
    """
    Where the same Node is installed, a scenario says what was written down.
    """
    measured = json.loads(MEASURED.read_text())
    if version() != measured["node"]:
        pytest.skip(f"needs Node {measured['node']}")
    for name in ["C01", "C46"]:
        assert measure(scenarios()[name]) == measured["rows"][name]
