"""
The page that it writes about itself.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

CASES: list[Intrusion] = [
    Intrusion(
        name="it writes the largest numbers, and any, over its page",
        code="""
        cells, end = page(), time.monotonic() + 0.8
        while time.monotonic() < end:
            for n in range(1, len(cells)):
                cells[n] = 2**64 - 1
            for n in range(1, len(cells)):
                cells[n] = int.from_bytes(os.urandom(8), "little")
            for n in range(1, len(cells)):
                cells[n] = 0
            time.sleep(0.001)
        """,
    ),
    Intrusion(
        name="it makes its page shorter",
        code="""
        try:
            os.ftruncate(PAGE, 0)
        except OSError:
            pass
        else:
            raise AssertionError("it is shorter")
        """,
    ),
]
