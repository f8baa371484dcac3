"""
Somebody sets the clock, an hour forward or back: the cluster's own time goes on.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.conformance.scripts import Script
from tests.process.cluster import (
    RunningCluster,
    ask,
    environment,
    eventually,
    freePort,
)
from tests.process.injecting import Clock, wallClock
from tests.process.odd import connect
from tests.process.ports import FIXTURES, isRefused

pytestmark = [pytest.mark.process, pytest.mark.timeout(40)]

HOUR = 3600


def clocked(app: Path, clock: Clock, *more: str, workers: int = 1) -> RunningCluster:
    """
    A cluster of what C{starting} makes of this directory, with a clock.

    @param more: Has C{--app}.
    """
    path = os.pathsep.join([str(FIXTURES), environment(clock.env)["PYTHONPATH"]])
    env = {**clock.env, "PYTHONPATH": path}
    return RunningCluster([f"--workers={workers}", *more], app, env)


def test_slotsAreFilledThoughTheClockGoesBack(app: Path) -> None:
    """
    A worker that is to be tried again in a moment is, and not in an hour.
    """
    clock, port = wallClock(app), freePort()
    options = ["--app=starting.greet", f"--listen=tcp:{port}"]
    with clocked(app, clock, *options, workers=2) as cluster:
        cluster.waitOnline(2)
        (app / "broken").touch()
        os.kill(cluster.workerPids()[1], signal.SIGKILL)
        # So that the next attempt is some time away.
        cluster.waitFor("it cannot start", 2)
        clock.jump(-HOUR)
        (app / "broken").unlink()
        cluster.waitFor(" ready after", 3, 12.0)
        assert len({ask(port) for _ in range(4)}) == 2


def test_heartbeatsAreLookedAtThoughTheClockGoesBack(app: Path) -> None:
    """
    A worker that was away for a second is served again when it is back.
    """
    clock, port = wallClock(app), freePort()
    with clocked(app, clock, "--app=hello.greet", f"--listen=tcp:{port}") as cluster:
        cluster.waitOnline(1)
        (worker,) = cluster.workerPids()
        assert ask(port) == b"%d" % worker
        os.kill(worker, signal.SIGSTOP)
        time.sleep(0.6)  # until its heart is known not to beat
        clock.jump(-HOUR)
        os.kill(worker, signal.SIGCONT)
        assert ask(port) == b"%d" % worker


@pytest.mark.parametrize("whose", ["everybody's", "the primary's"])
def test_drainsAreNotCutByAClockThatGoesForward(app: Path, whose: str) -> None:
    """
    Who is being served when the cluster is told to stop is served to the end.
    """
    clock, port = wallClock(app, whose == "everybody's"), freePort()
    with clocked(app, clock, "--app=hello.obey", f"--listen=tcp:{port}") as cluster:
        cluster.waitOnline(1)
        with closing(connect(port)) as client:
            assert said(client, b"pid") == cluster.workerPids()[0]
            cluster.signal(signal.SIGTERM)
            eventually(lambda: isRefused(port), "it drains")
            clock.jump(HOUR)
            time.sleep(0.3)
            assert said(client, b"pid") == cluster.workerPids()[0]
        assert cluster.wait(5.0) == 0
        assert "SIGKILL" not in cluster.output()


def test_drainsEndThoughTheClockGoesBack(app: Path) -> None:
    """
    A client that stays is waited for as long as it was said, and no hour longer.
    """
    clock, port = wallClock(app), freePort()
    options = ["--app=hello.obey", f"--listen=tcp:{port}", "--drain-timeout=1"]
    with clocked(app, clock, *options) as cluster:
        cluster.waitOnline(1)
        with closing(connect(port)) as client:
            assert said(client, b"pid") == cluster.workerPids()[0]
            cluster.signal(signal.SIGTERM)
            eventually(lambda: isRefused(port), "it drains")
            clock.jump(-HOUR)
            assert cluster.wait(8.0) == 0


def said(client: socket.socket, word: bytes) -> int:
    """
    Ask a worker something.
    """
    client.sendall(word)
    return int(client.recv(100))


ASKS = """
import time

def jump(seconds):
    # In place: what is mapped may not become shorter.
    with open(os.environ["CLOCK"], "r+b") as file:
        file.write(seconds.to_bytes(8, sys.byteorder, signed=True))

async def scene():
    await worker.when("listening")
    for seconds, timeout in ((3600, 60.0), (-3600, 0.5)):
        begun = time.monotonic()
        answer = worker.ask("late" if seconds > 0 else "never", timeout=timeout)
        await until(lambda: time.monotonic() > begun + 0.1)
        jump(seconds)
        try:
            came = await answer
        except Exception as error:
            came = type(error).__name__
        say("answer", came=came)

if cluster.isPrimary:
    worker = cluster.fork()
    play(scene)
else:
    answer = Deferred()

    async def reply(question):
        if question == "never":
            await Deferred()
        begun = time.monotonic()
        await until(lambda: time.monotonic() > begun + 0.4)
        return "late"

    cluster.worker.answer(reply)
    listen()
reactor.run()
"""


def test_questionsHaveTheirTime(tmp_path: Path) -> None:
    """
    An answer is waited for as long as was asked for, whatever the clock says.
    """
    clock = wallClock(tmp_path)
    env = {**clock.env, "CONFORMANCE_GUARD": "9000"}
    with Script(ASKS, tmp_path, env=env) as script:
        assert script.wait() == 0, script.story()
        assert [event["came"] for event in script.of("answer")] == [
            "late",
            "AskTimeoutError",
        ]
