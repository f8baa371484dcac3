"""
What programs that workers start can give them: with C{--no-new-privileges} nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import TWISTD, RunningCluster
from tests.process.somebody import (
    NOBODY,
    asRoot,
    pathsForNobody,
    publicCopy,
    pythonForNobody,
)

pytestmark = [pytest.mark.process, pytest.mark.timeout(40), asRoot]

# As the application is imported, and from a program that another one starts.
APP = """
import os, subprocess

def ids():
    straight = subprocess.run(["./setuid-id", "-u"], capture_output=True, text=True)
    child = ["sh", "-c", "./setuid-id -u"]
    through = subprocess.run(child, capture_output=True, text=True)
    return f"I am {os.getuid()}, they {straight.stdout.strip()} {through.stdout.strip()}!"

print(ids(), flush=True)
"""
COMMAND = """
from twisted.application.service import Service

def service():
    return Service()
"""
SCRIPT = """
import os, sys
from twisted.internet import reactor
from twisted_cluster import cluster

if cluster.isPrimary:
    cluster.setupPrimary(uid=65534, gid=65534, noNewPrivileges=sys.argv[1] == "True")
    cluster.fork()
else:
    from app import ids
reactor.run()
"""


@contextmanager
def started(directory: Path, isScript: bool, isRenouncing: bool) -> Iterator[str]:
    """
    What the one worker says of itself, and of root's program that everybody may run.
    """
    python = pythonForNobody()
    (directory / "app.py").write_text(APP + ("" if isScript else COMMAND))
    (directory / "script.py").write_text(SCRIPT)
    shutil.copy(shutil.which("id") or "", directory / "setuid-id")
    with publicCopy(directory) as public:
        os.chmod(public / "setuid-id", 0o4755)
        if os.statvfs(public).f_flag & os.ST_NOSUID:
            pytest.skip("no file there is setuid")
        renouncing = ["--no-new-privileges"] if isRenouncing else []
        arguments = ["--workers=1", "--app=app.service", *renouncing]
        twistd, program = ["-n", "--pidfile=", *NOBODY], ("-c", TWISTD)
        if isScript:
            twistd, program = [str(isRenouncing)], ("script.py",)
        env = {"PYTHONPATH": pathsForNobody(), "PYTHONDONTWRITEBYTECODE": "1"}
        kind = Script if isScript else RunningCluster
        given = [] if isScript else arguments
        with kind(given, public, env, twistd, python, program=program) as cluster:
            cluster.waitFor("!")
            yield cluster.output()


class Script(RunningCluster):
    """
    A program of its own.
    """

    PLUGIN = ()


@pytest.mark.parametrize("isScript", [False, True])
def test_setuidProgramsGiveNothing(tmp_path: Path, isScript: bool) -> None:
    """
    To a worker that is nobody, of the command or a script's, nor to its children, once
    it has given that up; which it has not unless it is told to.
    """
    for isRenouncing, gained in ((False, 0), (True, 65534)):
        with started(tmp_path, isScript, isRenouncing) as said:
            assert f"I am 65534, they {gained} {gained}!" in said
