"""
A worker that keeps sockets locked which the primary has as well.
"""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path

import pytest

from tests.process.cluster import eventually
from tests.process.hostile import doHarm, hostile, worstOf

USERFAULTFD = {"x86_64": 323, "aarch64": 282}.get(platform.machine(), -1)


def mayLock() -> bool:
    made = ctypes.CDLL(None).syscall(USERFAULTFD, os.O_CLOEXEC)
    if made >= 0:
        os.close(made)
    return bool(made >= 0)


pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(60),
    pytest.mark.skipif(not mayLock(), reason="needs userfaultfd"),
]

# Memory that is not there, and that nobody brings: what copies from it, or to it, never
# comes back, and keeps its locks.
NOWHERE = f"""
import ctypes, fcntl, mmap

system = ctypes.CDLL(None)
faults = system.syscall({USERFAULTFD}, os.O_CLOEXEC)
fcntl.ioctl(faults, 0xc018aa3f, bytearray(struct.pack("QQQ", 0xAA, 0, 0)))
memory = mmap.mmap(-1, 65536)
nowhere = ctypes.addressof(ctypes.c_char.from_buffer(memory))
fcntl.ioctl(faults, 0xc020aa00, bytearray(struct.pack("QQQQ", nowhere, 65536, 1, 0)))
nowhere = ctypes.c_void_p(nowhere)
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


# SO_LINGER is read when the socket is locked: its second half from there.
LISTENING = f"""
import ctypes, fcntl, mmap

system = ctypes.CDLL(None)
faults = system.syscall({USERFAULTFD}, os.O_CLOEXEC)
fcntl.ioctl(faults, 0xc018aa3f, bytearray(struct.pack("QQQ", 0xAA, 0, 0)))
memory = mmap.mmap(-1, 2 * mmap.PAGESIZE)
memory[0] = 1
end = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + mmap.PAGESIZE
area = struct.pack("QQQQ", end, mmap.PAGESIZE, 1, 0)
fcntl.ioctl(faults, 0xc020aa00, bytearray(area))
[port] = reactor.clusterPorts.served.values()
linger = (port.fileno(), socket.SOL_SOCKET, socket.SO_LINGER, end - 4, 8)
arguments = tuple(map(ctypes.c_void_p, linger))
threading.Thread(target=system.setsockopt, args=arguments, daemon=True).start()
reactor.callFromThread(time.sleep, 10)
"""


def test_whoKeepsItsOwnListeningSocketLockedIsKilled(tmp_path: Path) -> None:
    """
    Where the kernel steers to it: who waits there is served when it is gone, and others
    as ever.
    """
    more = ("--dispatch=kernel", "--policy=random")
    with hostile(tmp_path, *more) as (cluster, port):
        with doHarm(port, LISTENING):
            assert worstOf(port, 3.0) < 3.0
        cluster.waitFor("it keeps its socket of ")
        cluster.waitOnline(3)
        assert "Traceback" not in cluster.output()
