"""
What does a message between the primary and its workers cost, beside Node's?

    python benchmarks/ipc.py [--quick] [--seconds 0.25] [--rounds 3] [--only NAME...]
        [--size N...]
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from itertools import product

from contestants.entry import Contestant
from harness import HERE, TOP, main, micros, say, table
from machine import cpuSeconds, machineSeconds
from servers import Server, running

WORKERS = 8
SIZES = {"64B": 64, "1KB": 1 << 10, "16KB": 1 << 14, "64KB": 1 << 16, "1MB": 1 << 20}
KINDS = ["text", "objects"]
WORKLOADS = {
    "down": "primary to worker",
    "up": "worker to primary",
    "ask": "there and back",
    "broadcast": f"primary to {WORKERS} workers",
}
# On their way at most: messages, and bytes.
MOST = 128
ROOM = 1 << 18
WARM_UP = 0.05
# Of one run, over what was asked for.
GRACE = 20.0
HEADER = ["size", "contestant", "messages/s", "MB/s", "primary µs", "worker µs", "others"]


def contestant(name: str) -> Contestant:
    """
    @param name: One of L{CONTESTANTS}.
    """
    whose, _, serialization = name.partition("-")
    folder, environment = HERE / "contestants", {}
    if serialization == "standard":
        serialization = "json"
        paths = [str(folder / "standard"), str(TOP)]
        environment = {"PYTHONPATH": os.pathsep.join(paths)}
    programs = {
        "cluster": [sys.executable, str(folder / "cluster_ipc.py")],
        "node": [shutil.which("node") or "node", str(folder / "node_ipc.js")],
    }
    command = [*programs[whose], serialization, str(WORKERS)]
    return Contestant(name, 0, [command], children=WORKERS, environment=environment)


CONTESTANTS = [
    *("cluster-json", "cluster-standard", "node-json"),
    *("cluster-advanced", "node-advanced"),
]


@dataclass(frozen=True)
class Case:
    """
    One thing to measure.

    @ivar workload: A key of L{WORKLOADS}.
    @ivar kind: A member of L{KINDS}.
    @ivar size: A key of L{SIZES}.
    """

    workload: str
    kind: str
    size: str

    @property
    def bytes(self) -> int:
        """
        About how long the JSON of one message is.
        """
        return SIZES[self.size]

    def bar(self, name: str) -> float:
        """
        @param name: Of L{CONTESTANTS}.
        @return: The least part of Node's rate that is good enough; 0: any is.
        """
        size = self.bytes
        if name == "cluster-standard":
            return 0.8 if SIZES["1KB"] <= size <= SIZES["64KB"] else 0.0
        if self.workload == "ask" and size <= SIZES["1KB"]:
            return 0.6
        return 1.0 if size >= SIZES["1KB"] else 0.5

    def task(self, seconds: float) -> dict[str, object]:
        """
        @return: What a contestant is told.
        """
        every = max(1, min(MOST, ROOM // self.bytes)) // 2 or 1
        task = {"do": self.workload, "kind": self.kind, "size": self.bytes}
        return {**task, "seconds": seconds, "every": every}


@dataclass(frozen=True)
class Measurement:
    """
    One run.

    @ivar rate: Messages that arrived, or questions that were answered, per second.
    @ivar primary: CPU seconds per message in the primary.
    @ivar worker: The same in the workers that took part, together.
    @ivar others: Share of the machine that other programs had meanwhile, 0 to 1.
    """

    rate: float
    primary: float
    worker: float
    others: float

    @property
    def cpu(self) -> float:
        """
        CPU seconds per message, of all processes.
        """
        return self.primary + self.worker


class LostMessageError(Exception):
    """
    Not all that was sent has come.
    """


class Talker(Server):
    """
    A contestant that is told on its standard input what to do, and says what came of it.
    """

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return super()._spawn(command, subprocess.PIPE, subprocess.PIPE)

    def _ready(self) -> bool:
        if not self._found():
            return False
        self.workers = self._hear(0.1) or []
        return bool(self.workers)

    def _hear(self, seconds: float) -> object:
        """
        @return: What it says next; None if it says nothing within the time.
        """
        output = self._mains[0].stdout
        readable, _, _ = select.select([output], [], [], seconds)
        line = output.readline() if readable else b""
        return json.loads(line) if line else None

    def _pin(self, apart: bool) -> None:
        """
        Where the kernel puts the two sides is luck, and worth a factor of two.

        @param apart: The primary has a core of its own; else all share one.
        """
        first, *rest = sorted(os.sched_getaffinity(0))
        for pid in self.primaries:
            os.sched_setaffinity(pid, {first})
        for pid in self.workers:
            os.sched_setaffinity(pid, rest if apart and rest else {first})

    def measure(self, case: Case, seconds: float) -> Measurement:
        """
        @raise LostMessageError: If not all that was sent has come.
        """
        workers = self.workers if case.workload == "broadcast" else self.workers[:1]
        processes = [self.primaries, workers]
        self._pin(apart=case.workload != "ask")
        machine, begun = machineSeconds(), time.monotonic()
        before = [sum(map(cpuSeconds, pids)) for pids in processes]
        self._mains[0].stdin.write(json.dumps(case.task(seconds)).encode() + b"\n")
        self._mains[0].stdin.flush()
        result = self._hear(seconds + GRACE)
        after = [sum(map(cpuSeconds, pids)) for pids in processes]
        others = machineSeconds() - machine - sum(after) + sum(before)
        others /= (time.monotonic() - begun) * (os.cpu_count() or 1)
        if result is None or result["sent"] != result["received"]:
            raise LostMessageError(f"{self.name}, {case}: {result}\n{self.logged()}")
        count = max(1, result["received"])
        spent = [(now - then) / count for now, then in zip(after, before)]
        return Measurement(count / result["seconds"], *spent, max(0.0, others))


Results = dict[tuple[Case, str], list[Measurement]]


def declare(parser: argparse.ArgumentParser) -> None:
    """
    The options.
    """
    parser.add_argument("--seconds", type=float, default=0.25, help="of each run [0.25]")
    parser.add_argument("--rounds", type=int, default=3, help="the median counts [3]")
    add = partial(parser.add_argument, nargs="+")
    names = CONTESTANTS
    add("--only", default=names, choices=names, metavar="NAME", help=", ".join(names))
    add("--size", default=list(SIZES), choices=list(SIZES))
    add("--workload", default=list(WORKLOADS), choices=list(WORKLOADS))
    add("--payload", default=KINDS, choices=KINDS)


def cases(asked: argparse.Namespace) -> Iterator[Case]:
    """
    @return: What is to be measured, in the order of the tables.
    """
    for each in product(asked.workload, asked.payload, asked.size):
        yield Case(*each)


def run(asked: argparse.Namespace, results: Results) -> None:
    """
    Measure each case with the contestants in turn, and all of them round after round.

    @param results: Where each run is added, so that an early end loses none.
    """
    with running([contestant(name) for name in asked.only], Talker) as talkers:
        for case, talker in product(cases(asked), talkers):
            talker.measure(case, WARM_UP)
        for turn in range(asked.rounds):
            for case in cases(asked):
                for talker in talkers if turn % 2 else reversed(talkers):
                    measured = talker.measure(case, asked.seconds)
                    results.setdefault((case, talker.name), []).append(measured)
            say(f"round {turn + 1} done")


def row(case: Case, name: str, runs: Sequence[Measurement]) -> list[str]:
    """
    One line of a table.
    """
    columns = zip(*map(astuple, runs))
    m = Measurement(*map(statistics.median, columns))
    megabytes = m.rate * case.bytes / 1e6
    cells = [f"{m.rate:.0f}", f"{megabytes:.1f}", micros(m.primary), micros(m.worker)]
    return [case.size, name, *cells, f"{m.others:.0%}"]


def verdicts(asked: argparse.Namespace, results: Results) -> Iterator[list[str]]:
    """
    The bars of the design, as far as both sides were measured.

    @return: Rows of (what, size, who, ratio of the rates to those of node-json, from the
        least to the most, bar, verdict, ratio of CPU time).
    """
    for case, name in product(cases(asked), ["cluster-json", "cluster-standard"]):
        ours, theirs = results.get((case, name)), results.get((case, "node-json"))
        bar = case.bar(name)
        if ours and theirs and bar:
            ratios = [a.rate / b.rate for a, b in zip(ours, theirs)]
            ratio = statistics.median(ratios)
            spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
            verdict = "pass" if ratio >= bar else "FALLS SHORT"
            what = f"{WORKLOADS[case.workload]}, {case.kind}"
            cpu = statistics.median(a.cpu / b.cpu for a, b in zip(ours, theirs))
            figures = [f"{ratio:.2f}", spread, f"≥ {bar}", verdict, f"{cpu:.2f}"]
            yield [what, case.size, name, *figures]


def report(asked: argparse.Namespace, results: Results) -> None:
    """
    Print the tables and the verdicts.
    """
    for workload, kind in product(asked.workload, asked.payload):
        rows = [
            row(case, name, runs)
            for (case, name), runs in results.items()
            if (case.workload, case.kind) == (workload, kind)
        ]
        rows.sort(key=lambda cells: (list(SIZES).index(cells[0]), cells[1]))
        if rows:
            print(f"### {WORKLOADS[workload]}, {kind}\n\n{table(HEADER, rows)}\n")
    judged = list(verdicts(asked, results))
    if judged:
        header = ["against node-json", "size", "who", "rate", "of all rounds"]
        header += ["bar", "verdict", "CPU"]
        print(table(header, judged))


if __name__ == "__main__":
    main(__doc__, declare, {}, run, report, {"seconds": 0.05, "rounds": 1})
