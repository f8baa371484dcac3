"""
The sockets of UDP ports, which workers share.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CASES: list[Intrusion] = []
