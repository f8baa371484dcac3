"""
A cluster whose worker 1 is a fuzzer, life for life, and what becomes of its primary.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from tests.fuzz.running.app import COUNTERS, PORTS
from tests.fuzz.running.client import Client, request
from tests.fuzz.running.counters import Counters
from tests.fuzz.running.watched import WATCHED
from tests.process.cluster import RunningCluster, eventually, freePort
from tests.process.injecting import injected

# What no fuzzer is to bring about.
WRONG = re.compile(
    r"Traceback|could not be read|Unhandled|cannot (?:log|find|forget|take|cut) "
    r"|critical"
)
# What worker 1 has said itself.
SAID = re.compile(r"\S+ worker 1 \[")
KILLED = re.compile(r"(worker 1 \(\d+\): .*); killed")
# A life is long enough for its slot to be thought sound.
SETTLED = 1.1


@define
class Outcome:
    """
    What came of one run.
    """

    wire: str
    seed: int
    seconds: float = 0.0
    said: int = 0
    lives: int = 0
    kills: int = 0
    longest: float = 0.0
    busiest: float = 0.0
    slow: int = 0
    rss: list[int] = field(factory=list)
    descriptors: list[int] = field(factory=list)
    requests: int = 0
    failed: int = 0
    p99: tuple[float, float] = (0.0, 0.0)
    wrong: list[str] = field(factory=list)
    why: dict[str, int] = field(factory=dict)
    slowest: str = ""


def rssOf(pid: int) -> int:
    """
    In KB.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0])


def descriptorsOf(pid: int) -> int:
    """
    How many are open.
    """
    return len(os.listdir(f"/proc/{pid}/fd"))


class Run:
    """
    One wire's.
    """

    def __init__(self, wire: str, seed: int, directory: Path) -> None:
        self.outcome = Outcome(wire, seed)
        self._directory = directory
        self._counters = Counters.make(directory / "counters")
        self._slow = directory / "slow"
        self._port = freePort()
        self._lives = 0

    def go(self, seconds: float) -> Outcome:
        """
        @param seconds: How long.
        """
        with self._cluster() as cluster:
            self._quiet(cluster)
            begun = time.monotonic()
            innocent = Client(self._port, "/", 50.0)
            victim = Client(self._port, "/bad", 20.0)
            innocent.start()
            victim.start()
            self._attack(cluster, begun + seconds)
            victim.stop()
            innocent.stop()
            self.outcome.seconds = time.monotonic() - begun
            self._sum(innocent)
            self._settle(cluster)
            self._read(cluster.output())
            (self._directory / "log").write_text(cluster.output())
        return self.outcome

    @contextmanager
    def _cluster(self) -> Iterator[RunningCluster]:
        spare = freePort()
        more = {
            COUNTERS: str(self._directory / "counters"),
            PORTS: f"{self._port},{spare}",
            "FUZZ_SLOW": str(self._slow),
        }
        arguments = [
            "--workers=3",
            "--app=tests.fuzz.running.app.serve",
            f"--listen=tcp:{self._port}",
            "--group=bad=1",
            "--group=good=2-3",
            "--policy=route:by=path,/bad=bad,/harm/*=bad,default=good",
            "--drain-timeout=1",
            "--stop-timeout=1",
            "--hang-timeout=3",
        ]
        env = injected(self._directory, WATCHED, **more)
        with RunningCluster(arguments, self._directory, env) as cluster:
            cluster.waitOnline(3)
            yield cluster

    def _quiet(self, cluster: RunningCluster) -> None:
        """
        How it is before.
        """
        client = Client(self._port, "/", 50.0)
        client.start()
        time.sleep(3.0)
        client.stop()
        self._before = client.percentile(0.99)
        self._sample(cluster)
        # What a start takes is no turn of this.
        self._slow.unlink(missing_ok=True)
        self._counters.longest = self._counters.busiest = self._counters.slow = 0

    def _sample(self, cluster: RunningCluster) -> None:
        self.outcome.rss.append(rssOf(cluster.pid))
        self.outcome.descriptors.append(descriptorsOf(cluster.pid))

    def _attack(self, cluster: RunningCluster, end: float) -> None:
        """
        One life after the other.
        """
        while time.monotonic() < end and cluster.process.poll() is None:
            before = self._upCount(cluster)
            seed = self.outcome.seed + self._lives
            if not request(self._port, f"/harm/{self.outcome.wire}/{seed}", 10.0):
                time.sleep(0.1)
                continue
            self._lives += 1
            patience = min(end + 5.0, time.monotonic() + 20.0)
            while self._upCount(cluster) == before and time.monotonic() < patience:
                time.sleep(0.05)
            time.sleep(SETTLED)
            self._sample(cluster)

    def _upCount(self, cluster: RunningCluster) -> int:
        return len(
            re.findall(r"worker 1 \(\d+\) (?:ready|serves,) after", cluster.output())
        )

    def _settle(self, cluster: RunningCluster) -> None:
        """
        The last life is over, and what it left.
        """
        eventually(lambda: request(self._port, "/bad"), "worker 1 serves again", 60.0)
        time.sleep(2.0)
        self._sample(cluster)

    def _sum(self, innocent: Client) -> None:
        outcome, counters = self.outcome, self._counters
        outcome.lives = self._lives
        outcome.said = counters.said
        outcome.longest = counters.longest / 1e6
        outcome.busiest = counters.busiest / 1e6
        outcome.slow = counters.slow
        outcome.requests = len(innocent.waits) + innocent.failed
        outcome.failed = innocent.failed
        outcome.p99 = self._before * 1000, innocent.percentile(0.99) * 1000

    def _read(self, output: str) -> None:
        outcome = self.outcome
        kills = KILLED.findall(output)
        outcome.kills = len(kills)
        for kill in kills:
            why = re.sub(r"\d+", "N", kill.partition(": ")[2])[:100]
            outcome.why[why] = outcome.why.get(why, 0) + 1
        lines = [one for one in output.splitlines() if not SAID.match(one)]
        outcome.wrong = [one for one in lines if WRONG.search(one)]
        errors = self._directory / "counters.errors"
        if errors.exists():
            outcome.wrong += errors.read_text().splitlines()[-20:]
        if self._slow.exists():
            outcome.slowest = self._slow.read_text()


def table(outcomes: list[Outcome]) -> str:
    """
    What came of all.
    """
    rows = [
        "| wire | s | said | lives | killed | longest turn (CPU) ms | over 50 ms "
        "| RSS KB | descriptors | innocent failed | p99 ms quiet, attacked | wrong |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in outcomes:
        rows.append(
            f"| {one.wire} | {one.seconds:.0f} | {one.said} | {one.lives} | {one.kills} "
            f"| {one.longest:.0f} ({one.busiest:.0f}) | {one.slow} "
            f"| {one.rss[0]}, {max(one.rss)}, {one.rss[-1]} "
            f"| {one.descriptors[0]}, {max(one.descriptors)}, {one.descriptors[-1]} "
            f"| {one.failed} of {one.requests} "
            f"| {one.p99[0]:.1f}, {one.p99[1]:.1f} | {len(one.wrong)} |"
        )
    return "\n".join(rows)
