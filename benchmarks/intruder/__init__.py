"""
What the clients of others notice while one worker does harm.
"""

import sys
from pathlib import Path

# The benchmarks are scripts, which find each other so.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
