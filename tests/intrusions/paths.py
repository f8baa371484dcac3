"""
The names of sockets and files, which a root primary makes and removes.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CASES: list[Intrusion] = [
    Intrusion(
        name="it sends nonsense to a primary that is root",
        code="""
        assert os.getuid() == 65534
        say(CONTROL, b"nonsense")
        """,
        said="not a message: b'nonsense'",
        uid=65534,
    ),
]
