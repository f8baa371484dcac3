"""
What a worker's interpreter does first.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twisted_cluster.wire.bootstrap import (
    bootstrap,
    forgetPath,
    pathToEnvironment,
)


def test_pathIsThereBeforeAnythingIsImported(tmp_path: Path) -> None:
    """
    Whatever lies where it is started, and whatever characters the path has. Some
    launchers put a thousand entries there.
    """
    here, library = tmp_path / "here", tmp_path / "a:b\nc"
    for directory in (here, library):
        directory.mkdir()
    for name in ("marshal", "posix", "json", "os", "told"):
        (here / f"{name}.py").write_text("1 / 0\n")
    text = "import json, sys\ndef main(): print(ascii(sys.path), sys.argv[1:])\n"
    (library / "told.py").write_text(text)
    eggs = [f"/{number:0200}.egg" for number in range(1000)]
    path = [str(library), "caf\udce9", *(each for each in sys.path if each), *eggs]
    done = subprocess.run(
        [sys.executable, *bootstrap("told"), "an argument"],
        cwd=here,
        env=pathToEnvironment(path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{path!a} ['an argument']\n"


def test_pathIsForgotten() -> None:
    """
    For the worker's own children.
    """
    environment = pathToEnvironment(["/a"])
    forgetPath(environment)
    forgetPath(environment)
    assert environment == {}
