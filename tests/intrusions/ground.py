"""
The clusters that cases run in.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import define

from tests.intrusions.case import Intrusion
from tests.process.cluster import RunningCluster, childrenOf, eventually, freePort
from tests.process.hostile import HOSTILE, hostile
from tests.process.somebody import pathsForNobody, pythonForNobody

WORKERS = 3
CHOSEN = "chosen"


@define
class Ground:
    """
    A cluster that a case runs in.

    @ivar directory: Where it runs.
    @ivar chosen: Which client it handed to which worker.
    @ivar slot: Whom the next case attacks.
    """

    cluster: RunningCluster
    port: int
    directory: Path
    slot: int = 1

    @property
    def chosen(self) -> Path:
        return self.directory / CHOSEN

    def victim(self) -> int:
        """
        The process that the next case attacks.
        """
        return self.cluster.workerPids()[self.slot - 1]

    def untilReplaced(self, pid: int) -> None:
        """
        Wait until another one serves in its place.
        """
        # Of what it says the primary reads a twentieth of the time.
        eventually(lambda: self.victim() != pid, f"another one than {pid}", 45.0)

    def renew(self, pid: int) -> None:
        """
        Have nothing left of a case for the next one, which attacks another worker: each
        has some time to live, or it would be replaced later and later.

        @param pid: Who was attacked.
        """
        if self.victim() == pid:
            os.kill(pid, signal.SIGKILL)
            self.untilReplaced(pid)
        # Of those who make way for others none is left.
        eventually(self._isWhole, "all are there, and nobody else")
        self.slot = self.slot % WORKERS + 1

    def _isWhole(self) -> bool:
        there = sorted(self.cluster.workerPids())
        return sorted(childrenOf(self.cluster.pid)) == there


@contextmanager
def groundFor(case: Intrusion, directory: Path) -> Iterator[Ground]:
    """
    A cluster for a case.

    @param directory: Where it runs, unless its workers could not come there.
    """
    with _placeFor(case, directory) as place:
        chosen = place / CHOSEN
        chosen.touch()
        env = {**case.env, "CHOSEN": str(chosen)}
        if case.uid is not None:
            with _privileged(place, case.uid, env) as (cluster, port):
                yield Ground(cluster, port, place)
            return
        more = ("--policy=noting", *case.more)
        limit = {"workers": WORKERS, "descriptors": case.descriptors}
        with hostile(place, *more, env=env, **limit) as (cluster, port):
            yield Ground(cluster, port, place)


@contextmanager
def _placeFor(case: Intrusion, directory: Path) -> Iterator[Path]:
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


class Common:
    """
    A cluster in which one case runs after the other: those that need none of their own,
    as long as they have the same options.
    """

    def __init__(self, directory: Path) -> None:
        """
        @param directory: Where clusters run, each in a directory of its own.
        """
        self._directory = directory
        self._count = 0
        self._open = ExitStack()
        self._ground: Ground | None = None
        self._options: tuple[str, ...] = ()

    @contextmanager
    def ground(self, case: Intrusion) -> Iterator[Ground]:
        """
        The cluster that is there, or a new one, if that has other options; if the case
        fails it is the last there.
        """
        if self._ground is None or self._options != case.more:
            self.close()
            self._count += 1
            place = self._directory / str(self._count)
            place.mkdir()
            self._ground = self._open.enter_context(groundFor(case, place))
            self._options = case.more
        try:
            yield self._ground
        except BaseException:
            print(self._ground.cluster.output())
            self._ground = None
            raise

    def close(self) -> None:
        """
        Stop it, which is to leave nothing.
        """
        self._ground = None
        self._open.close()
