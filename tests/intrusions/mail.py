"""
Users' messages.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CASES: list[Intrusion] = []
