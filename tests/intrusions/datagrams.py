"""
The sockets of UDP ports, which workers share.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion
from tests.process.cluster import freePort

CASES: list[Intrusion] = [
    Intrusion(
        name="it dies, and a child of its shuts down what its successor has",
        code="""
        def socketOf(fd):
            try:
                found = socket.socket(fileno=os.dup(fd))
            except OSError:
                return None
            kind = socket.AF_INET, socket.SOCK_DGRAM
            return found if (found.family, found.type) == kind else None

        found = next(filter(None, map(socketOf, range(3, 200))))
        primary, me = os.getppid(), os.getpid()
        mine = os.readlink(f"/proc/self/fd/{found.fileno()}")

        def commandOf(pid):
            with open(f"/proc/{pid}/cmdline") as file:
                return file.read()

        def has(pid):
            try:
                # One that is not yet itself has all that the primary has.
                return commandOf(pid) != commandOf(primary) and any(
                    os.readlink(f"/proc/{pid}/fd/{fd}") == mine
                    for fd in os.listdir(f"/proc/{pid}/fd")
                )
            except OSError:
                return False

        if os.fork() == 0:
            os.closerange(3, found.fileno())
            end = time.monotonic() + 10
            others = []
            while time.monotonic() < end and not any(map(has, others)):
                with open(f"/proc/{primary}/task/{primary}/children") as file:
                    others = {*map(int, file.read().split())} - {me}
                time.sleep(0.01)
            try:
                found.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            os._exit(0)
        os.kill(me, signal.SIGKILL)
        """,
        said="died of SIGKILL after",
        tells="one of those who have the socket of udp:.* or had it before, has broken",
        env={"UDP": str(freePort())},
        seconds=1.0,
    ),
]
