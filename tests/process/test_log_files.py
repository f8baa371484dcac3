"""
Log files that several workers write lose nothing.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, environment, eventually, freePort
from tests.process.logged_lines import (
    CLIENTS,
    LINES,
    StockTwistd,
    Writer,
    linesOf,
    numbered,
    writing,
)

# Opens a log, forks two who write 500 lines each, and writes as long as they live.
SCRIPT = """
from twisted.internet import reactor
from twisted.python.logfile import LogFile
from twisted_cluster import cluster
log = LogFile("some.log", ".", rotateLength=50_000)
number = 0
def write():
    global number
    if cluster.isWorker and number == 500:
        cluster.worker.disconnect()
    elif cluster.isPrimary and not cluster.workers:
        print(number)
        reactor.stop()
    else:
        log.write(f"{cluster.isPrimary} {number:06}\\n")
        number += 1
        reactor.callLater(0, write)
if cluster.isPrimary:
    cluster.fork()
    cluster.fork()
reactor.callWhenRunning(write)
reactor.run()
"""
pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


def asksFor(port: int, paths: Sequence[str]) -> None:
    """
    Ask for some pages on one connection.
    """
    with closing(HTTPConnection("127.0.0.1", port, 10.0)) as client:
        for path in paths:
            client.request("GET", path)
            client.getresponse().read()


def browse(port: int) -> list[str]:
    """
    Ask for L{LINES} pages.

    @return: Their paths.
    """
    paths = [f"/page-{number:04}" for number in range(LINES)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        shares = [paths[first::CLIENTS] for first in range(CLIENTS)]
        list(pool.map(asksFor, CLIENTS * [port], shares))
    return paths


def checkAccessLog(log: Path, paths: Sequence[str]) -> None:
    """
    It has a whole line for each page, and nothing else.
    """
    form = r'"127\.0\.0\.1" - - \[[^]]+\] "GET (\S+) HTTP/1\.1" 404 \d+ "-" "-"'
    found = [re.fullmatch(form, line) for line in linesOf(log)]
    assert all(found)
    assert sorted(one[1] for one in found if one) == paths


@pytest.mark.parametrize("workers", [0, 2, 4])
def test_accessLogIsWhole(tmp_path: Path, workers: int) -> None:
    """
    C{twistd web --logfile} with any number of workers (0: stock): each request has its
    line.
    """
    port = freePort()
    web = ["web", f"--listen=tcp:{port}", "--path=.", "--logfile=access.log"]
    if workers:
        made = RunningCluster([f"--workers={workers}", *web], tmp_path)
    else:
        made = StockTwistd(web, tmp_path)
    with made as server:
        server.waitFor("ready after" if workers else "starting on", workers or 1)
        paths = browse(port)
        checkAccessLog(tmp_path / "access.log", paths)
        assert "GET" not in server.output()


@pytest.mark.parametrize("kind", ["whole", "sized", "numbered", "daily"])
def test_nothingIsLost(tmp_path: Path, kind: str) -> None:
    """
    Each kind of log file, and one that rotates in a way of its own, has each line once,
    and is rotated as often as the one of a single process, or once less: who writes in
    the same moment as others finds the file as short as they do.
    """
    names = []
    for workers, folder in ((0, "stock"), (4, "cluster")):
        (tmp_path / folder).mkdir()
        with writing(tmp_path / folder, kind, workers) as server:
            server.write(numbered())
            assert server.written() == numbered()
            names.append(server.files())
    stock, ours = names
    assert ours in (stock, stock[:-1])


def test_noMoreAreKeptThanAskedFor(tmp_path: Path) -> None:
    """
    With C{maxRotatedFiles} there are as many files as of a single process, and whole
    lines in them.
    """
    names = []
    for workers, folder in ((0, "stock"), (4, "cluster")):
        (tmp_path / folder).mkdir()
        with writing(tmp_path / folder, "three", workers) as server:
            server.write(numbered())
            assert set(server.written()) < set(numbered())
            names.append(server.files())
    stock, ours = names
    assert ours in (stock, stock[:-1])


def untilMidnight(seconds: int) -> str:
    """
    @return: A time zone (TZ) in which the day is over so soon.
    """
    ahead = (24 * 3600 - seconds - int(time.time())) % (24 * 3600)
    return f"XYZ-{ahead // 3600:02}:{ahead // 60 % 60:02}:{ahead % 60:02}"


def test_midnight(tmp_path: Path) -> None:
    """
    While lines are written a day ends: yesterday's go to one file, today's to another.
    """
    env = {"TZ": untilMidnight(5)}
    with writing(tmp_path, "daily", env=env) as server:
        all_ = []
        for batch in range(1000):
            lines = numbered(48, f"batch {batch:03}")
            server.write(lines)
            all_ += lines
            if len(server.files()) == 2:
                break
        lines = numbered(LINES, "after")
        server.write(lines)
        assert server.written() == sorted(all_ + lines)
        assert set(linesOf(server.log)) >= set(lines)
        assert len(server.files()) == 2


def tellAll(server: Writer) -> None:
    """
    Have all processes rotate.
    """
    for pid in server.pids:
        os.kill(pid, signal.SIGUSR1)


def test_allAreToldToRotate(tmp_path: Path) -> None:
    """
    Who tells all workers to rotate a file has it rotated once, and later again.
    """
    with writing(tmp_path, "whole") as server:
        server.write(numbered())
        tellAll(server)
        eventually(lambda: len(server.files()) == 2, "it is rotated")
        later = numbered(LINES, "then")
        server.write(later)
        assert server.files() == ["some.log", "some.log.1"]
        assert server.written() == sorted(numbered() + later)


def test_rotatedFromOutside(tmp_path: Path) -> None:
    """
    A file that somebody has moved is written until there is another: from then on that.
    """
    with writing(tmp_path, "sized") as server:
        moved = server.log.rename(tmp_path / "moved.log")
        server.write(numbered(100))
        assert linesOf(moved)
        assert not server.log.exists()
        server.log.touch()
        server.write(numbered(100, "then"))
        assert sorted(linesOf(moved)) == numbered(100)
        assert sorted(linesOf(server.log)) == numbered(100, "then")


def test_pipeIsNotRenamed(tmp_path: Path) -> None:
    """
    What is no regular file is written, and never renamed.
    """
    os.mkfifo(tmp_path / "some.log")
    reader = os.open(tmp_path / "some.log", os.O_RDWR | os.O_NONBLOCK)
    try:
        with writing(tmp_path, "sized") as server:
            server.write(numbered(300))
            tellAll(server)
            server.write(numbered(300, "then"))
            # The rest is in the pipe when the last line is said to be written.
            got = os.read(reader, 1 << 20).decode().splitlines()
            assert sorted(got) == sorted(numbered(300) + numbered(300, "then"))
            assert server.files() == ["some.log"]
    finally:
        os.close(reader)


def test_scriptAndItsWorkers(tmp_path: Path) -> None:
    """
    What a script has opened before it forks is shared with its workers.
    """
    (tmp_path / "script.py").write_text(SCRIPT)
    said = subprocess.check_output(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment(), timeout=30
    )
    files = tmp_path.glob("some.log*")
    own = [f"True {number:06}" for number in range(int(said))]
    workers = [f"False {number:06}" for number in range(500)]
    assert sorted(line for file in files for line in linesOf(file)) == sorted(
        own + 2 * workers
    )
