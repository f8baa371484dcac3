"""
A worker that has been broken into is to end, and does all that it can against that.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.process.hostile import doHarm, hostile, worstOf
from tests.process.injecting import injected

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

LONG = 2.0
# It hears nothing of what it is told, and floods each of its wires.
STUBBORN = """
reactor.callFromThread(reactor.clusterPorts.control.reader.stop)
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    reactor.callFromThread(signal.signal, each, signal.SIG_IGN)
text = dict(log_level="critical", log_namespace="shop", log_time=1.8e9, log_format="lie")
packed = json.dumps(dict(version=2, event=text)).encode()


def goOn(do):
    while True:
        try:
            do()
        except OSError:
            time.sleep(0.01)


for act in (
    lambda: [tell("Ready", isReady=isReady) for isReady in (False, True)],
    lambda: tell("Room"),
    lambda: tell("Leaving", planned=False),
    lambda: say(LOG, packed),
    lambda: os.write(2, b"stray\\n" * 1000),
    lambda: os.write(TOLD["first"] + 5, b"stack\\n" * 1000),
):
    threading.Thread(target=goOn, args=[act], daemon=True).start()
"""


def test_aReloadDoesNotWaitForABrokenWorker(tmp_path: Path) -> None:
    """
    All are renewed, others are served meanwhile, and it is killed when its time is over;
    so it is in a stop.
    """
    more = ["--stop-timeout=1", "--reload-trial=0.1"]
    with hostile(tmp_path, *more) as (cluster, port):
        with doHarm(port, STUBBORN) as line:
            assert line.hear() == b"done"
            cluster.signal(signal.SIGHUP)
            assert worstOf(port, 1.5) < LONG
            cluster.waitFor("reloaded: all workers are of generation 2")
            cluster.waitFor("was killed after")
        with doHarm(port, STUBBORN) as line:
            assert line.hear() == b"done"
            begun = time.monotonic()
            assert cluster.stop() == 0
            assert time.monotonic() - begun < 10.0
        assert "Traceback" not in cluster.output()


def test_whatItOpensInAStopIsClosedWithIt(tmp_path: Path) -> None:
    """
    Its sockets leave no files behind.
    """
    code = """
    os.chdir(BESIDE)
    for n in range(10**6):
        spec = dict(kind="unix", path=f"late{n}", wantPID=True)
        tell("Listen", question=10**6 + n, spec=spec, directory=BESIDE)
        time.sleep(0.02)
    """
    with hostile(tmp_path) as (cluster, port):
        with doHarm(port, code):
            cluster.waitFor("listening on unix:late9")
            assert cluster.stop() == 0
        assert not list(tmp_path.glob("late*"))


SLOW = """
import os, time
fast = os.lstat

def slow(*given, **named):
    if "dir_fd" in named:
        time.sleep(0.2)
    return fast(*given, **named)

os.lstat = slow
"""


def test_aSlowFileSystemIsWaitedFor(tmp_path: Path) -> None:
    """
    Both who listen on one path are answered, and others served meanwhile.
    """
    code = """
    from twisted.internet.threads import blockingCallFromThread
    blockingCallFromThread(reactor, reactor.listenUNIX, "slow", obey)
    """
    with hostile(tmp_path, env=injected(tmp_path, SLOW)) as (cluster, port):
        with doHarm(port, code, 1) as one, doHarm(port, code, 2) as two:
            for line in (one, two):
                line.socket.settimeout(10.0)
                assert line.hear() == b"done"
        assert "listening on unix:slow" in cluster.output()
        assert "error]" not in cluster.output()
