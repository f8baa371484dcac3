"""
Records, standard output and error, and stacks.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CASES: list[Intrusion] = [
    Intrusion(
        name="it sends what is no record",
        code="""
        say(LOG, bytes(60_000))
        """,
        tells=r"worker \d .*is no record",
    ),
]
