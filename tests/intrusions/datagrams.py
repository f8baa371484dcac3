"""
The sockets of UDP ports, which workers share.
"""

from __future__ import annotations

from textwrap import dedent

from tests.intrusions.case import Intrusion
from tests.process.cluster import freePort

FOUND = """
import ctypes

[found] = [
    socket.socket(fileno=os.dup(port.fileno()))
    for port in reactor.clusterPorts.served.values()
    if port.socketType == socket.SOCK_DGRAM
]
"""
ATTACHED = (
    FOUND
    + """
nothing = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
program = struct.pack("HxxxxxxP", 1, ctypes.addressof(nothing))
for option in (26, 51):
    try:
        found.setsockopt(socket.SOL_SOCKET, option, program)
    except PermissionError:
        continue
    raise AssertionError("it has a program of its own")
"""
)
BESIDE_IT = (
    FOUND
    + """
with socket.socket(type=socket.SOCK_DGRAM) as beside:
    beside.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    for address in (found.getsockname()[0], "127.0.0.1"):
        try:
            beside.bind((address, found.getsockname()[1]))
        except OSError:
            continue
        raise AssertionError("it has another")
"""
)
DETACHED = (
    FOUND
    + """
others = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(60)]
end = time.monotonic() + 0.5

def detach():
    while time.monotonic() < end:
        try:
            found.setsockopt(socket.SOL_SOCKET, 68, 0)
        except OSError:
            pass

without = threading.Thread(target=detach)
without.start()
for other in others:
    other.settimeout(10)
    other.sendto(b"x", ("127.0.0.1", found.getsockname()[1]))
for other in others:
    assert other.recv(10) == b"x"
    other.close()
without.join()
"""
)


def ofDatagrams(name: str, code: str) -> Intrusion:
    return Intrusion(name, code, env={"UDP": str(freePort())})


CASES: list[Intrusion] = [
    Intrusion(
        name="it dies, and a child of its shuts down what its successor has",
        code=FOUND
        + dedent("""
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
        """),
        said="died of SIGKILL after",
        tells="one of those who have the socket of udp:.* or had it before, has broken",
        env={"UDP": str(freePort())},
        seconds=1.0,
    ),
    ofDatagrams("it attaches a program to its socket for datagrams", ATTACHED),
    ofDatagrams("it binds a socket for datagrams beside the others'", BESIDE_IT),
    ofDatagrams("it detaches the program by which peers have sockets", DETACHED),
]
