"""
Listening sockets, where it has any, and what it could do with them.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CASES: list[Intrusion] = []
