"""
C{python -m tests.fuzz --minutes 10 [--wire control]}: a real cluster of three, of which
worker 1 is a fuzzer that knows the protocol, again and again.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
from pathlib import Path

from tests.fuzz.running.cluster import Run, table
from tests.fuzz.saying.wires import FUZZERS


def main() -> None:
    """
    Run what is asked for, and tell what came of it.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for each wire")
    wires = f"{', '.join(FUZZERS)}; or several, as control+mail. May be given again"
    parser.add_argument("--wire", action="append", help=wires)
    parser.add_argument("--seed", type=int, default=None, help="of a run before")
    parser.add_argument("--keep", type=Path, default=None, help="where logs are left")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(10**9)
    outcomes = []
    for wire in given.wire or list(FUZZERS):
        print(f"{wire}: --seed {seed}", flush=True)
        directory = Path(tempfile.mkdtemp(prefix=f"{wire}-", dir=given.keep))
        outcome = Run(wire, seed, directory).go(given.minutes * 60)
        outcomes.append(outcome)
        for why, count in sorted(outcome.why.items(), key=lambda one: -one[1]):
            print(f"{count:6} {why}")
        print("\n".join(outcome.wrong[:40]))
        print(outcome.slowest[-6000:])
        print(table([outcome]), flush=True)
    print(table(outcomes))


if __name__ == "__main__":
    main()
