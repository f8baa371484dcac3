"""
What servers lose of a steady load while their workers are renewed, killed, stopped.
"""

import sys
from pathlib import Path

# The benchmarks are scripts, which find each other so.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
