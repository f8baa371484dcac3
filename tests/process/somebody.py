"""
Clusters that somebody else than root is to run.
"""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import ROOT

asRoot = pytest.mark.skipif(os.getuid() != 0, reason="needs root")
NOBODY = ("--uid=65534", "--gid=65534")


@contextmanager
def publicCopy(app: Path) -> Iterator[Path]:
    """
    The application, where everybody may read it.
    """
    with tempfile.TemporaryDirectory() as public:
        copy = shutil.copytree(app, Path(public, "app"))
        for folder in (public, copy):
            os.chmod(folder, 0o755)
        yield copy


def pathsForNobody() -> str:
    """
    The C{PYTHONPATH} of L{pythonForNobody}.
    """
    return os.pathsep.join([str(ROOT), *site.getsitepackages()])


def pythonForNobody() -> str:
    """
    This interpreter, or the system's, whichever an unprivileged user can run; without
    one the test is skipped.
    """
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run(
                [python, "-c", "import twisted_cluster.worker.reactor"],
                env={"PYTHONPATH": pathsForNobody()},
                user=65534,
                group=65534,
                capture_output=True,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    return pytest.skip("nobody cannot run any Python here")
