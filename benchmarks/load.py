"""
The load generator, and what a server spends under it.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
from dataclasses import dataclass

from harness import HERE
from machine import DISTURBED, machineSeconds, waitForQuiet
from servers import Server

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Load:
    """
    @ivar seconds: How long; wrk knows whole ones only.
    @ivar connections: How many at a time.
    @ivar keepAlive: Whether a connection serves more than one request.
    @ivar pause: Mean milliseconds between opening a connection and asking; 0: none.
    """

    seconds: int
    connections: int = 32
    keepAlive: bool = False
    pause: int = 0


@dataclass(frozen=True)
class Measurement:
    """
    One run of the load generator against one server.

    @ivar rate: Requests per second.
    @ivar p50: Seconds from request to answer; the median.
    @ivar p99: The same; the 99th percentile.
    @ivar primary: CPU seconds per request in the primary; None: there is none.
    @ivar workers: CPU seconds per request in the processes that serve.
    @ivar others: Share of the machine that other programs had meanwhile, 0 to 1.
    @ivar errors: Failed connections, requests out of time, bad answers, lost workers.
    """

    rate: float
    p50: float
    p99: float
    primary: float | None
    workers: float
    others: float
    errors: int

    @property
    def cpu(self) -> float:
        """
        CPU seconds per request, of all processes.
        """
        return (self.primary or 0) + self.workers


def _latency(output: str, percent: int) -> float:
    found = re.search(rf"^ +{percent}(?:\.0+)?% +([\d.]+)(us|ms|s|m)$", output, re.M)
    return float(found[1]) * UNITS[found[2]] if found else float("nan")


def _errors(output: str) -> int:
    lines = re.findall(r"Socket errors: (.*)|Non-2xx or 3xx responses: (.*)", output)
    return sum(int(number) for line in lines for number in re.findall(r"\d+", str(line)))


def _wrk(port: int, load: Load) -> str:
    url = f"http://127.0.0.1:{port}/"
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{load.seconds}s"]
    command += ["--latency", "--timeout", "5s"]
    if load.pause:
        command += ["-s", str(HERE / "contestants" / "paced.lua")]
    elif not load.keepAlive:
        command += ["-H", "Connection: close"]
    environment = {**os.environ, "BENCHMARK_PAUSE": str(load.pause)}
    return subprocess.run(
        [*command, url],
        env=environment,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        timeout=load.seconds + 20,
    ).stdout


def _spent() -> tuple[float, float]:
    """
    @return: CPU seconds so far of (the whole machine, load generators that have ended).
    """
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return machineSeconds(), children.ru_utime + children.ru_stime


def measure(server: Server, load: Load) -> Measurement:
    """
    Put a server under load and see what that costs it.
    """
    machineBefore, wrkBefore = _spent()
    before = server.cpu()
    output = _wrk(server.port, load)
    primary, workers = (now - then for now, then in zip(server.cpu(), before))
    machine, wrk = _spent()
    mine = primary + workers + wrk - wrkBefore
    found = re.search(r"^ +(\d+) requests in ([\d.]+)(us|ms|s|m)", output, re.M)
    if found is None:
        raise RuntimeError(f"wrk said:\n{output}")
    requests, seconds = int(found[1]), float(found[2]) * UNITS[found[3]]
    each = max(requests, 1)
    return Measurement(
        requests / seconds,
        _latency(output, 50),
        _latency(output, 99),
        primary / each if server.primaries else None,
        workers / each,
        max(0.0, machine - machineBefore - mine) / load.seconds / (os.cpu_count() or 1),
        _errors(output) + server.lost(),
    )


def measureUndisturbed(server: Server, load: Load, patience: int) -> Measurement:
    """
    Measure when other programs leave the machine alone.

    @param patience: How often to try at most; 1: once, without waiting.
    @return: The run that others disturbed least.
    """
    runs: list[Measurement] = []
    while len(runs) < patience:
        if patience > 1:
            waitForQuiet()
        runs.append(measure(server, load))
        if runs[-1].others <= DISTURBED:
            break
    return min(runs, key=lambda run: run.others)
