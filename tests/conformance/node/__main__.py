"""
python -m tests.conformance.node [C45 ...]: run the scenarios on the real Node, and write
down what it does in measured.json.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.process.cluster import eventually, isAlive, membersOf

HERE = Path(__file__).parent
MEASURED = HERE / "measured.json"
LIMIT = 25.0


def scenarios() -> dict[str, Path]:
    """
    The scripts, by row, in order.
    """
    return {
        path.stem: path
        for path in sorted(HERE.glob("*.js"), key=lambda path: orderOf(path.stem))
        if re.fullmatch(r"[CX]\d+", path.stem)
    }


def orderOf(name: str) -> tuple[str, int]:
    """
    C9 comes before C10.
    """
    found = re.fullmatch(r"(\D*)(\d+)", name)
    return (found[1], int(found[2])) if found else (name, 0)


def version() -> str:
    """
    Of the Node that is installed.
    """
    return subprocess.check_output(["node", "--version"], text=True, timeout=10).strip()


def measure(path: Path) -> dict[str, Any]:
    """
    Run one scenario.

    @return: What it said: C{result} and, in words, C{says}.
    @raise AssertionError: If it said nothing, or left something.
    """
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            ["node", str(path)],
            cwd=directory,
            env=plainEnvironment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(LIMIT)
            output.seek(0)
            said = output.read().decode("utf-8", "replace")
            lines = [line for line in said.splitlines() if line.startswith('{"says":')]
            assert len(lines) == 1, f"{path.stem} said {lines}, all:\n{said}"
            eventually(lambda: not membersOf(process.pid), f"{path.stem} is over", 5.0)
            left = [file for file in Path(directory).rglob("*") if file.is_socket()]
            assert not left, f"{path.stem} left {left}"
            found: dict[str, Any] = json.loads(lines[0])
            return found
        finally:
            for pid in {process.pid, *membersOf(process.pid)}:
                if isAlive(pid):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def plainEnvironment() -> dict[str, str]:
    """
    This process's environment without what changes Node.
    """
    return {name: v for name, v in os.environ.items() if not name.startswith("NODE_")}


def main(chosen: list[str]) -> int:
    """
    @param chosen: Rows; all if empty.
    @return: How many could not be measured.
    """
    node = version()
    known = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    rows = known.get("rows", {}) if known.get("node") == node and chosen else {}
    failed = 0
    for name, path in scenarios().items():
        if chosen and name not in chosen:
            continue
        try:
            rows[name] = measure(path)
        except (AssertionError, subprocess.TimeoutExpired, ValueError) as problem:
            failed += 1
            print(f"{name}: {problem}", file=sys.stderr)
        else:
            print(f"{name}: {rows[name]['says']}")
    ordered = {name: rows[name] for name in sorted(rows, key=orderOf)}
    MEASURED.write_text(json.dumps({"node": node, "rows": ordered}, indent=1) + "\n")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
