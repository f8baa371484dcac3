"""
C{python -m tests.fuzz.parsers.guided NAME [options of libFuzzer]}: one parser, with
inputs that lead to code where none has been before. Needs the package C{atheris}.
"""

from __future__ import annotations

import sys
import time

import atheris

with atheris.instrument_imports(include=["twisted_cluster", "json"]):
    from tests.fuzz.parsers.targets import TARGETS

# In seconds of processor time.
LONG = 0.05


def main() -> None:
    """
    Go on until something is found, or as long as is asked for.
    """
    target = TARGETS[sys.argv.pop(1)]

    def once(data: bytes) -> None:
        begun = time.thread_time()
        target(data)
        took = time.thread_time() - begun
        if took > LONG:
            # Once more: the first time something may have been imported.
            begun = time.thread_time()
            target(data)
            took = time.thread_time() - begun
            assert took < LONG, f"{len(data)} bytes took {took * 1000:.0f} ms"

    atheris.Setup(sys.argv, once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
