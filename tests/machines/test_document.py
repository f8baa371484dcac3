"""
The diagrams are those of the code.
"""

from __future__ import annotations

from tests.machines.document import PAGE, page


def test_diagramsAreUpToDate() -> None:
    """
    If not: C{python -m tests.machines.document}.
    """
    assert PAGE.read_text() == page()
