"""
Its own life: what it says of itself, and when it is to end.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CASES: list[Intrusion] = []
