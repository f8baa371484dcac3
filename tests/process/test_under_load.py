"""
Nothing is lost of a steady load, whatever befalls the workers: what C{benchmarks/chaos}
does at length, in small.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, childrenOf, eventually, freePort
from tests.process.loading.crowd import Plan
from tests.process.loading.excuses import Excuses, Verdict
from tests.process.loading.load import Load
from tests.process.loading.outcome import inWords

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

SLOWLY = Path(__file__).parent / "fixtures/lives/slowly.py"
PATIENCE = 60.0
# Who dies before it has served for so long is replaced later, and rightly so.
SETTLED = 1.2
CUT = re.compile(r"died of SIGKILL.*; (\d+) connection")


class Loaded(RunningCluster):
    """
    A cluster under load, of which no request may fail without an excuse.

    @ivar count: How many workers it is to have.
    @ivar excuses: Who could not be served, whatever it does.
    @ivar seed: Of what happens at random.
    """

    def __init__(self, directory: Path, workers: int, *options: str) -> None:
        self.port, self.count = freePort(), workers
        shutil.copy(SLOWLY, directory / "service.py")
        listen = f"--listen=tcp:{self.port}:interface=127.0.0.1"
        given = [f"--workers={workers}", "--app=service.site", listen, *options]
        # Nothing compiled may stand for what is deployed in the same second.
        super().__init__(given, directory, {"PYTHONDONTWRITEBYTECODE": "1"})
        self.excuses = Excuses(self.port)
        self.seed = random.randrange(10**6)
        self._random = random.Random(self.seed)

    def anyone(self) -> int:
        """
        Any of its workers.
        """
        return self._random.choice(sorted(childrenOf(self.pid)))

    def untilWhole(self, load: Load, without: Set[int] = frozenset()) -> None:
        """
        Wait until so many workers have served, and there are no others, nor any of those.
        """
        begun = time.monotonic()

        def isWhole() -> bool:
            workers = set(childrenOf(self.pid))
            if len(workers) != self.count or workers & without:
                return False
            last = load.progress.last
            return all(last.get(pid, 0.0) > begun for pid in workers)

        eventually(isWhole, f"{self.count} that serve: {self.output()}", PATIENCE)


@contextmanager
def loaded(
    directory: Path, workers: int, *options: str, clients: int = 32
) -> Iterator[tuple[Loaded, Load]]:
    """
    One whose workers all serve; in the end nobody was lost who need not be.
    """
    with Loaded(directory, workers, *options) as cluster:
        cluster.waitOnline(workers)
        half = clients // 2
        with Load(Plan(("127.0.0.1", cluster.port), half, half, 0.1)) as load:
            cluster.untilWhole(load)
            yield cluster, load
            assert load.untilServed(100)
        assert judged(cluster, load).worst < 2.0


def judged(cluster: Loaded, load: Load) -> Verdict:
    """
    What came of it.
    """
    verdict = cluster.excuses.judge(load.outcome)
    said = f"seed {cluster.seed}: {inWords(load.outcome)}, {verdict}\n{cluster.output()}"
    assert not verdict.failed, said
    return verdict


def test_killedWorkersTakeOnlyWhatTheyServe(tmp_path: Path) -> None:
    """
    Any of them at any time, as by the system when memory is short; the log says how many
    connections went with them.
    """
    with loaded(tmp_path, 3) as (cluster, load):
        for _ in range(6):
            pid = cluster.anyone()
            cluster.excuses.kill(pid)
            cluster.untilWhole(load, {pid})
        said = sum(map(int, CUT.findall(cluster.output())))
        # What it had just received, and not begun, it does not serve yet.
        assert 0 <= cluster.excuses.held - said <= 2, f"seed {cluster.seed}"


def test_whoStandsHoldsUpOnlyWhatIsInItsHands(tmp_path: Path) -> None:
    """
    Stopped for a second, again and again, as in a debugger or swapped out.
    """
    with loaded(tmp_path, 2) as (cluster, load):
        for _ in range(3):
            until = time.monotonic() + 1.0
            with cluster.excuses.standing(cluster.anyone()):
                eventually(lambda u=until: time.monotonic() > u, "a second is over")
            cluster.untilWhole(load)


def test_signalsOfOperatorsLoseNothing(tmp_path: Path) -> None:
    """
    A worker more, one less, all renewed, and that with workers which are renewed anyhow.
    """
    rules = ("--reload-trial=0.1", "--max-served=500")
    with loaded(tmp_path, 2, *rules) as (cluster, load):
        cluster.signal(signal.SIGTTIN)
        cluster.count = 3
        cluster.untilWhole(load)
        before = set(childrenOf(cluster.pid))
        cluster.signal(signal.SIGHUP)
        cluster.waitFor("reloaded: ", timeout=PATIENCE)
        cluster.signal(signal.SIGTTOU)
        eventually(
            lambda: not before & set(childrenOf(cluster.pid)),
            "the old are gone",
            PATIENCE,
        )


def sizeOf(pid: int) -> tuple[int, float]:
    """
    How many descriptors a process has, and its resident megabytes.
    """
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    size = pages * os.sysconf("SC_PAGESIZE") / 1e6
    return len(os.listdir(f"/proc/{pid}/fd")), size


def test_deathsLeaveNothingBehind(tmp_path: Path) -> None:
    """
    Six deaths more, and the primary has the descriptors it had; of memory no more than
    what noise there is.
    """
    seen: dict[int, float] = {}

    def since(pid: int) -> float:
        return seen.setdefault(pid, time.monotonic())

    with loaded(tmp_path, 2, clients=4) as (cluster, load):

        def die(times: int) -> tuple[int, float]:
            for _ in range(times):
                first, *_ = sorted(childrenOf(cluster.pid), key=since)
                due = since(first) + SETTLED
                eventually(lambda due=due: time.monotonic() > due, "it has settled")
                cluster.excuses.kill(first)
                cluster.untilWhole(load, {first})
            return sizeOf(cluster.pid)

        fds, size = die(3)
        fdsAfter, sizeAfter = die(6)
        assert abs(fdsAfter - fds) <= 4
        assert sizeAfter < size + 4
