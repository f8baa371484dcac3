"""
The clusters that cases run in.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.intrusions.case import Intrusion
from tests.process.cluster import RunningCluster, freePort
from tests.process.hostile import HOSTILE, hostile
from tests.process.somebody import pathsForNobody, pythonForNobody

WORKERS = 3
CHOSEN = "chosen"


@contextmanager
def placeFor(case: Intrusion, directory: Path) -> Iterator[Path]:
    """
    Where the cluster of a case runs: its workers can read it, and change nothing.
    """
    if case.uid is None:
        yield directory
        return
    with tempfile.TemporaryDirectory() as public:
        os.chmod(public, 0o755)
        yield Path(public)


@contextmanager
def grounds(case: Intrusion, directory: Path) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster for a case, and its port; which client it handed to which worker is in the
    file C{chosen}.

    @param directory: Where it runs.
    """
    chosen = directory / CHOSEN
    chosen.touch()
    env = {**case.env, "CHOSEN": str(chosen)}
    if case.uid is not None:
        with _privileged(directory, case.uid, env) as (cluster, port):
            yield cluster, port
        return
    with hostile(
        directory,
        "--policy=noting",
        *case.more,
        workers=WORKERS,
        descriptors=case.descriptors,
        env=env,
    ) as (cluster, port):
        yield cluster, port


@contextmanager
def _privileged(
    directory: Path, uid: int, env: dict[str, str]
) -> Iterator[tuple[RunningCluster, int]]:
    port, python = freePort(), pythonForNobody()
    copy = shutil.copytree(HOSTILE, directory / "hostile")
    paths = os.pathsep.join([str(copy), pathsForNobody()])
    told = {"PYTHONDONTWRITEBYTECODE": "1", **env, "PYTHONPATH": paths}
    program = (str(copy / "privileged.py"), str(port), str(uid), str(WORKERS))
    with _Script((), directory, told, (), python, program=program) as cluster:
        cluster.waitOnline(WORKERS)
        yield cluster, port


class _Script(RunningCluster):
    """
    A program of its own.
    """

    PLUGIN = ()
