"""
The control channel: messages, descriptors along with them, and what it asks for.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CASES: list[Intrusion] = [
    Intrusion(
        name="it sends what is no message",
        code="""
        for n in range(50):
            say(CONTROL, b"nonsense")
        """,
        said="not a message: b'nonsense'",
    ),
]
