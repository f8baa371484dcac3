"""
A stop behind a load balancer that asks now and then who is ready.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.process.cluster import Stock, environment, eventually, freePort
from tests.process.crowd import FAILED, REFUSED, SERVED, crowd, toPort

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(60),
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="no HAProxy"),
]

FIXTURES = Path(__file__).parent / "fixtures"
# Nothing is tried twice: what is lost is seen.
HAPROXY = """
defaults
    mode http
    retries 0
    timeout connect 2s
    timeout client 10s
    timeout server 10s
frontend all
    bind 127.0.0.1:{port}
    default_backend clusters
backend clusters
    option httpchk GET /
    server one 127.0.0.1:{ports[0]} check port {healths[0]} inter 200 fall 1 rise 1
    server two 127.0.0.1:{ports[1]} check port {healths[1]} inter 200 fall 1 rise 1
"""


@contextmanager
def healthy(directory: Path, port: int, health: int, delay: float) -> Iterator[Stock]:
    """
    A cluster that tells whether it is ready.
    """
    env = {
        "PYTHONPATH": os.pathsep.join([str(FIXTURES), environment()["PYTHONPATH"]]),
        "PORT": str(port),
        "HEALTH": str(health),
        "DELAY": str(delay),
    }
    with Stock(["-y", str(FIXTURES / "healthy.tac")], directory, env) as cluster:
        cluster.waitOnline(2)
        yield cluster


@contextmanager
def balanced(directory: Path, ports: list[int], healths: list[int]) -> Iterator[int]:
    """
    @return: The port of an HAProxy before clusters.
    """
    port, config = freePort(), directory / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port, ports=ports, healths=healths))
    with subprocess.Popen(["haproxy", "-db", "-f", config]) as proxy:
        try:
            yield port
        finally:
            proxy.terminate()


def test_behindABalancerAStopLosesNothing(tmp_path: Path) -> None:
    """
    It sees that the cluster is not ready any more while that still lets in who comes.
    """
    ports, healths = [freePort(), freePort()], [freePort(), freePort()]
    with (
        healthy(tmp_path, ports[0], healths[0], 1.0) as one,
        healthy(tmp_path, ports[1], healths[1], 0.0),
        balanced(tmp_path, ports, healths) as port,
        crowd(toPort(port), 8) as clients,
    ):
        # A balancer that has just begun has asked nobody yet.
        eventually(lambda: clients.count[SERVED] > 100, "clients are served")
        clients.count.clear()
        assert one.stop() == -SIGTERM
        served = clients.count[SERVED]
        eventually(lambda: clients.count[SERVED] > served + 100, "the other one serves")
        assert not clients.count[FAILED], clients.why
        assert not clients.count[REFUSED]
        assert "stopping: not ready, and open for 1.0 s more" in one.output()
        assert "nothing was cut" in one.output()
