"""
What it sends back through its handoff queue.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CASES: list[Intrusion] = [
    Intrusion(
        name="it sends back pipes",
        code="""
        pipe, _ = os.pipe()
        for _ in range(100):
            say(HANDOFF, record() * 64, [pipe] * 64)
        """,
        said="sends back what is no connection",
    ),
    Intrusion(
        name="it shuts its handoff queue",
        code="socket.socket(fileno=os.dup(HANDOFF)).shutdown(socket.SHUT_RDWR)",
        said="it has shut its handoff queue",
    ),
]
