"""
The other servers, in an environment of their own under the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

PACKAGES = ["gunicorn==27.0.1", "uvicorn==0.54.0", "granian==2.8.9"]


def peersPython() -> str:
    """
    @return: The interpreter that has them; they are installed the first time.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    stamp = hashlib.sha256("\n".join([sys.version, *PACKAGES]).encode()).hexdigest()
    folder = cache / "twisted_cluster" / f"peers-{stamp[:12]}"
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        print(f"installing {', '.join(PACKAGES)} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *PACKAGES], check=True)
        (folder / "installed").touch()
    return str(python)


def nginx() -> str:
    """
    @return: The program; Debian's package is installed if it is missing.
    """
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which("nginx", path=search)
    if found is None:
        subprocess.run(["apt-get", "install", "-y", "-qq", "nginx-light"], check=True)
        found = shutil.which("nginx", path=search)
    return found or "nginx"
