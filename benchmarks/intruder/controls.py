"""
What the attacks are compared with: the same load on the machine, without harm.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CONTROLS = [
    Intrusion(
        name="(no attack: it only computes)",
        code="""
        end = time.monotonic() + {seconds}
        while time.monotonic() < end:
            sum(range(10_000))
        """,
    ),
    Intrusion(
        name="(no attack: it dies, and is replaced)",
        code="os.kill(os.getpid(), signal.SIGSEGV)",
        said="died of SIGSEGV",
    ),
]
