"""
A worker that keeps the lock of a listening socket which the primary steers to.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.primary.ports.streams import mayLoad
from tests.process.locking import LINGER, mayLock
from tests.steering.groups import listening
from twisted_cluster.policies.least_connections import LeastConnections
from twisted_cluster.primary.ports.steered import Served
from twisted_cluster.primary.ports.steered_extended import ExtendedSteering
from twisted_cluster.steering.places import Place
from twisted_cluster.wire.options import setOption
from twisted_cluster.wire.reuseport import SO_LOCK_FILTER

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(60),
    pytest.mark.skipif(
        not (sys.platform == "linux" and mayLock()), reason="needs userfaultfd"
    ),
]
LOCK = f"""
import socket, threading, time
{LINGER}
listening = int(os.environ["LISTENING"])
if "SHUT" in os.environ:
    socket.socket(fileno=os.dup(listening)).shutdown(socket.SHUT_RD)
lockListening(listening)
# Until the system asks for what is not there, and so keeps the lock.
os.read(faults, 32)
print("locked", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not mayLoad(), reason="needs CAP_BPF")
@pytest.mark.parametrize("more", [{}, {"SHUT": "yes"}])
def test_steeringWaitsForNoLock(more: dict[str, str]) -> None:
    """
    What is told and asked does not wait for it, also if the socket is shut down, and
    others are connected to.
    """
    with listening(3) as group:
        steering = ExtendedSteering(LeastConnections(), group.sockets.pop(0))
        for index, member in enumerate(group.sockets):
            steering.add(index, member)
        kept = group.sockets[0]
        with subprocess.Popen(
            [sys.executable, "-c", LOCK],
            env={**os.environ, **more, "LISTENING": str(kept.fileno())},
            pass_fds=[kept.fileno()],
            stdout=subprocess.PIPE,
        ) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"locked\n"
            # Python's own setsockopt would have every thread wait.
            one = (1).to_bytes(4, sys.byteorder)
            option = (kept.fileno(), socket.SOL_SOCKET, SO_LOCK_FILTER, one)
            waiting = threading.Thread(target=setOption, args=option)
            waiting.start()
            started = time.monotonic()
            steering.allow([Place(0), Place(1)])
            steering.reckon({0: Served(1, 1), 1: Served(0, 0)}, 1.0)
            steering.attach()
            steering.allow([Place(1)])
            with group.connect():
                group.sockets[1].accept()[0].close()
            assert time.monotonic() - started < 10
            assert waiting.is_alive(), "nobody keeps the lock"
            worker.kill()
            waiting.join()
        steering.close()
