"""
C{python -m tests.fuzz.parsers --minutes 10 [--only NAME]}: each parser guided by what of
it has been reached. Needs the package C{atheris}, in an environment of its own.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.parsers.targets import TARGETS

STATUS = re.compile(r"#(\d+)\s+\S+\s+cov: (\d+)")


def guided(name: str, minutes: float, directory: Path) -> bool:
    """
    @param directory: Where what is found is left.
    @return: Whether nothing was found.
    """
    corpus = directory / f"{name}-corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(TARGETS[name].seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    command = [
        *(sys.executable, "-m", "tests.fuzz.parsers.guided", name),
        f"-max_total_time={minutes * 60:.0f}",
        f"-max_len={TARGETS[name].longest}",
        f"-artifact_prefix={directory}/{name}-",
        "-timeout=10",
        "-rss_limit_mb=2048",
        str(corpus),
    ]
    ran = subprocess.run(command, capture_output=True, text=True)
    last = STATUS.findall(ran.stderr)[-1:] or [("0", "0")]
    isWell = ran.returncode == 0
    verdict = "nothing" if isWell else f"FOUND, see {directory}"
    print(f"| {name} | {last[0][0]} | {last[0][1]} | {verdict} |", flush=True)
    if not isWell:
        (directory / f"{name}-output").write_text(ran.stdout + ran.stderr)
    return isWell


def main() -> int:
    """
    @return: 1 if something was found.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.parsers")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each")
    parser.add_argument("--only", action="append", choices=list(TARGETS))
    parser.add_argument("--keep", type=Path, default=None, help="where to leave it")
    given = parser.parse_args()
    if find_spec("atheris") is None:
        print("atheris is not installed here: pip install 'twisted-cluster[fuzz]'")
        return 0
    directory = given.keep or Path(tempfile.mkdtemp(prefix="parsers-"))
    directory.mkdir(exist_ok=True)
    print("| parser | inputs | edges reached | found |\n|---|---|---|---|")
    names = given.only or list(TARGETS)
    found = [name for name in names if not guided(name, given.minutes, directory)]
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
