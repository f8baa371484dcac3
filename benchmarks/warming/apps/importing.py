"""
An application that takes long to import: C{BENCHMARK_IMPORT} is C{"works 0.2"} for so
much CPU time, C{"waits 0.2"} for as long a sleep, or is not there.
"""

import os
import time


def spend() -> None:
    """
    Do what is asked for.
    """
    kind, _, seconds = os.environ.get("BENCHMARK_IMPORT", "").partition(" ")
    if kind == "waits":
        time.sleep(float(seconds))
    elif kind == "works":
        end = time.thread_time() + float(seconds)
        while time.thread_time() < end:
            pass
