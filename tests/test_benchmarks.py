"""
Benchmarks that make the package's own objects still know how.
"""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "benchmarks"
PROGRAM = """
import adopt

for way in (adopt.deliver, adopt.adopt):
    assert adopt.cost(way, 32) > 0
"""


def test_adoptMeasuresBothWays() -> None:
    """
    C{adopt.py} delivers connections to a port of the worker's as it is.
    """
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
