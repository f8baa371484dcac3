"""
Descriptors on their way, which the system counts for all processes of a user together.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, freePort
from tests.process.hostile import HOSTILE, doHarm, worstOf
from tests.process.somebody import NOBODY, pathsForNobody, pythonForNobody

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(60),
    pytest.mark.skipif(sys.platform != "linux", reason="the system does not count them"),
]

FILL = """
pairs = []
while True:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.setblocking(False)
    pairs.append((one, other))
    try:
        for many in (FIRST, *[253] * 10_000):
            one.sendmsg([b"x"], [(*RIGHTS, array.array("i", [PAGE] * many))])
    except BlockingIOError:
        continue
    except OSError as error:
        assert error.errno == 109, error
        break
"""


@contextmanager
def ofNobody(limit: int) -> Iterator[tuple[RunningCluster, int]]:
    """
    A cluster of somebody whom the system does count, and its port.
    """
    isRoot = os.getuid() == 0
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        copy = shutil.copytree(HOSTILE, Path(place, "hostile"))
        os.chmod(copy, 0o755)
        port = freePort()
        env = {"PYTHONPATH": f"{copy}{os.pathsep}{pathsForNobody()}"}
        with RunningCluster(
            [
                "--workers=2",
                "--app=hostile.obey",
                f"--listen=tcp:{port}",
                "--dispatch=handoff",
            ],
            Path(place),
            {"PYTHONDONTWRITEBYTECODE": "1", **env},
            ("-n", "--pidfile=", *(NOBODY if isRoot else ())),
            pythonForNobody() if isRoot else sys.executable,
            under=["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh"],
        ) as cluster:
            cluster.waitOnline(2)
            yield cluster, port


def test_nobodyIsKeptFromBeingHandedOver() -> None:
    """
    By a worker that has sent itself as many as it can, and reads none.
    """
    with ofNobody(1024) as (cluster, port):
        with doHarm(port, FILL.replace("FIRST", "253")) as line:
            assert line.hear() == b"done"
            for _ in range(20):
                assert worstOf(port, 0.02) < 1.0
        assert "; killed" not in cluster.output()
        assert "ETOOMANYREFS" not in cluster.output()


def test_whoKeepsThemOnTheirWayIsKilled() -> None:
    """
    Where limits are so low that one message more is too many.
    """
    with ofNobody(256) as (cluster, port):
        with doHarm(port, FILL.replace("FIRST", "190")):
            assert worstOf(port, 2.0) < 2.0
        cluster.waitFor(" has 443 descriptors on their way, and receives none; killed")
        cluster.waitOnline(3)
