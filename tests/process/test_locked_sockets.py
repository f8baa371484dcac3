"""
A worker that keeps sockets locked which the primary has as well.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.cluster import eventually
from tests.process.hostile import doHarm, hostile, worstOf
from tests.process.locking import ABSENT, LINGER, mayLock

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(60),
    pytest.mark.skipif(not mayLock(), reason="needs userfaultfd"),
]

NOWHERE = f"""{ABSENT}
memory = mmap.mmap(-1, 65536)
nowhere = ctypes.c_void_p(absent(memory))
queue = socket.socket(fileno=os.dup(HANDOFF))
queue.setblocking(True)
reactor.callFromThread(time.sleep, 10)


def lock(call, fd):
    threading.Thread(target=call, args=(fd, nowhere, 100, 0), daemon=True).start()
"""
QUEUE = """
lock(system.recv, HANDOFF)
time.sleep(1.0)
tell("Ready", isReady=False)
"""
CONNECTION = """
from twisted_cluster.wire.handed import packRecord
from twisted_cluster.wire.handoff import receive, send

taken = []
while not taken:
    try:
        taken = receive(queue).connections
    except BlockingIOError:
        time.sleep(0.001)
one = taken[0]
lock(system.send, one.fd)
time.sleep(0.1)
send(queue, [packRecord(1, "", nonce=one.nonce)], [one.fd])
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (QUEUE, "it keeps what it was handed from being taken back; killed"),
        (CONNECTION, "it keeps a connection locked that it has sent back"),
    ],
)
def test_whoKeepsASocketLockedIsKilled(tmp_path: Path, code: str, said: str) -> None:
    """
    The primary does not wait for it; nor do others' clients.
    """
    with hostile(tmp_path) as (cluster, port):
        with doHarm(port, NOWHERE + code):
            # One of them it has itself.
            eventually(lambda: said in cluster.output() or worstOf(port, 0.5) < 0, said)
            assert worstOf(port, 1.0) < 2.0
        cluster.waitOnline(3)
        assert "Traceback" not in cluster.output()


# Its reactor is asleep before: else that may be accepting, and take whom it gets along.
LISTENING = f"""{LINGER}
asleep = threading.Event()


def sleep():
    asleep.set()
    time.sleep(10)


reactor.callFromThread(sleep)
asleep.wait(10)
[port] = reactor.clusterPorts.served.values()
lockListening(port.fileno())
open(os.environ["ASLEEP"], "w").close()
"""


def test_whoKeepsItsOwnListeningSocketLockedIsKilled(tmp_path: Path) -> None:
    """
    Where the kernel steers to it: who waits there is served when it is gone, and others
    as ever.
    """
    more = ("--dispatch=kernel", "--policy=random")
    asleep = tmp_path / "asleep"
    env = {"ASLEEP": str(asleep)}
    with hostile(tmp_path, *more, env=env) as (cluster, port):
        with doHarm(port, LISTENING):
            eventually(asleep.exists, "it sleeps")
            assert worstOf(port, 3.0) < 3.0
        cluster.waitFor("it keeps its socket of ")
        cluster.waitOnline(3)
        assert "Traceback" not in cluster.output()
