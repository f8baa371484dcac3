"""
Where the others' programs are: Debian's, and Python's in an environment of its own under
the user's cache, which C{python benchmarks/contestants/found.py} makes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from functools import cache
from pathlib import Path

PACKAGES = ["gunicorn==27.0.1", "uvicorn==0.54.0", "granian==2.8.9"]
INSTALL = "python benchmarks/contestants/found.py"


def debians(program: str, package: str) -> tuple[str, str]:
    """
    @return: Where a program of Debian's is; and, if it is not there, how to get it.
    """
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(program, path=search)
    return found or program, "" if found else f"not there: apt-get install {package}"


def _folder() -> Path:
    """
    Where the environment of Python's is, or will be.
    """
    top = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    stamp = hashlib.sha256("\n".join([sys.version, *PACKAGES]).encode()).hexdigest()
    return top / "twisted_cluster" / f"peers-{stamp[:12]}"


def python() -> tuple[str, str]:
    """
    @return: The interpreter that has them; and, if it is not there, how to get it.
    """
    isThere = (_folder() / "installed").exists()
    missing = "" if isThere else f"not there: {INSTALL}"
    return str(_folder() / "bin" / "python"), missing


def installedPython() -> str:
    """
    @return: The interpreter that has them; they are installed the first time.
    """
    folder, (found, missing) = _folder(), python()
    if missing:
        print(f"installing {', '.join(PACKAGES)} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [found, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *PACKAGES], check=True)
        (folder / "installed").touch()
    return found


def installedNginx() -> str:
    """
    @return: The program; Debian's package is installed if it is missing.
    """
    found, missing = debians("nginx", "nginx-light")
    if missing:
        subprocess.run(["apt-get", "install", "-y", "-qq", "nginx-light"], check=True)
        found, _ = debians("nginx", "nginx-light")
    return found


@cache
def nodeVersion() -> tuple[int, ...]:
    """
    @return: Node's version; nothing if it is not there.
    """
    program = shutil.which("node")
    if program is None:
        return ()
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:3]))


if __name__ == "__main__":
    print(installedPython())
