"""
A load in a process of its own. The plan is its argument, as JSON. It goes on until its
standard input ends, and then says what became of all; before, now and then, how it goes.
"""

from __future__ import annotations

import gc
import json
import select
import sys
import time

from tests.process.loading.crowd import Crowd, Plan

TOLD = 0.05
# Nobody means to load anything for longer.
LONGEST = 1800.0


def progress(crowd: Crowd) -> str:
    """
    @return: How it goes, in a line.
    """
    outcome = crowd.outcome
    return json.dumps(
        {"served": outcome.served, "failed": outcome.failed, "last": crowd.lastServed}
    )


def main() -> None:
    """
    Load until told to end.
    """
    given = json.loads(sys.argv[1])
    crowd = Crowd(Plan(**{**given, "address": tuple(given["address"])}))
    gc.disable()
    begun = told = time.monotonic()
    while not select.select([sys.stdin], [], [], 0)[0] and told < begun + LONGEST:
        crowd.turn(0.01)
        if time.monotonic() > told + TOLD:
            told = time.monotonic()
            print(progress(crowd), flush=True)
    crowd.finish()
    print(crowd.outcome.toJson(), flush=True)


if __name__ == "__main__":
    main()
