"""
Listening sockets, where it has any, and what it could do with them.
"""

from __future__ import annotations

from tests.intrusions.case import Intrusion

# Where the primary accepts.
NONE = """
import random

found = []


def look(fd):
    try:
        with socket.socket(fileno=os.dup(fd)) as there:
            if there.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.append(there.getsockname())
    except OSError:
        pass


def lookAtAll():
    for name in os.listdir("/proc/self/fd"):
        look(int(name))


def receive(wire):
    with socket.socket(fileno=os.dup(wire)) as end:
        try:
            while True:
                _, rights, *_ = end.recvmsg(1 << 16, 4096, socket.MSG_DONTWAIT)
                for *_, fds in rights:
                    for fd in array.array("i", fds):
                        look(fd)
                        os.close(fd)
        except BlockingIOError:
            pass


lookAtAll()
reactor.callFromThread(reactor.clusterPorts.control.reader.stop)
reactor.callFromThread(reactor.clusterLink.peer.mail.pause)
port = reactor.clusterPorts.served[1].spec.port
specs = [dict(kind="tcp", port=port), dict(kind="tcp", port=0), dict(kind="tcp", fd=3)]
specs += [dict(kind="tcp", interface="127.0.0.1", port=0), dict(kind="udp", port=0)]
specs += [dict(kind="unix", path=path) for path in ("it", chr(0) + "it%d" % os.getpid())]
random.seed(12)
for n in range(150):
    spec, listener = random.choice(specs), random.randrange(6)
    kind, fields = random.choice([
        ("Listen", dict(question=n, spec=spec, ordinal=n % 3, listener=listener % 3)),
        ("Unlisten", dict(question=n, listener=listener)),
        ("Released", dict(listener=listener)),
        ("Pause", dict(listener=listener, paused=bool(n % 2))),
        ("Limit", dict(listener=listener, willing=n % 7)),
        ("Room", {}),
    ])
    tell(kind, **fields)
    say(MAIL, frame(1, flags=4, number=listener, body=b"1"))
    for wire in (CONTROL, MAIL):
        receive(wire)
for n in range(2, 200):
    tell("Unlisten", question=n, listener=n)
    receive(CONTROL)
time.sleep(0.3)
for wire in (CONTROL, MAIL):
    receive(wire)
lookAtAll()
if found:
    raise AssertionError(f"it has {found}")
"""
# Where all workers accept.
SHARED = """
import ctypes
import fcntl


def theirs():
    for port in reactor.clusterPorts.served.values():
        return socket.socket(fileno=os.dup(port.fileno()))


def forAWhile(do, *arguments):
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        try:
            do(*arguments)
        except OSError:
            pass


it = theirs()
"""
FILTER = """
nothing = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
program = struct.pack("HxxxxxxP", 1, ctypes.addressof(nothing))
it.setsockopt(socket.SOL_SOCKET, 26, program)
it.setsockopt(socket.SOL_SOCKET, 44, 1)
"""
CONNECTED = """
it.shutdown(socket.SHUT_RDWR)
other = socket.create_server(("127.0.0.1", 0))
it.connect_ex(other.getsockname())
"""
UNDONE = r"{what}; that is undone, and they make way for others$"


def shared(name: str, code: str, what: str, spares: bool = False) -> Intrusion:
    """
    @param what: What the log says that one of the workers has done.
    """
    tells = "one of those who share the socket of tcp:[0-9]+ " + UNDONE.format(what=what)
    more = ("--policy=none",)
    return Intrusion(name, SHARED + code, tells=tells, more=more, spares=spares)


# Where each has a socket of its own, among which the kernel chooses.
PROGRAMS = """
nothing = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
program = struct.pack("HxxxxxxP", 1, ctypes.addressof(nothing))
for option in (26, 51):
    try:
        it.setsockopt(socket.SOL_SOCKET, option, program)
    except PermissionError:
        continue
    raise AssertionError("it has a program of its own")
forAWhile(it.setsockopt, socket.SOL_SOCKET, 68, 0)
"""
BESIDE_IT = """
beside = socket.socket()
for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
    beside.setsockopt(socket.SOL_SOCKET, option, 1)
try:
    beside.bind(it.getsockname())
    beside.listen()
except OSError:
    pass
else:
    raise AssertionError("it has another")
"""


CLOSED = """
import random

end = time.monotonic() + 0.5
for port in reactor.clusterPorts.served.values():
    # Without CAP_BPF there are none.
    while port.closings is not None and time.monotonic() < end:
        port.closings._cells[0] = random.getrandbits(64)
"""


def steered(name: str, code: str, said: str | None = None) -> Intrusion:
    """
    @param said: What it is killed for.
    """
    more = ("--dispatch=kernel", "--policy=random")
    # Who waits at its socket, and was not accepted, may go with it.
    isSpared = said is None
    return Intrusion(name, SHARED + code, said=said, more=more, spares=isSpared)


CASES: list[Intrusion] = [
    steered(
        "it shuts down its own socket, to which the kernel steers",
        "forAWhile(it.shutdown, socket.SHUT_RDWR)",
        r"it has broken its socket of tcp:[0-9]+",
    ),
    steered(
        "it binds its own socket, to which the kernel steers, to no device",
        "it.setsockopt(socket.SOL_SOCKET, 62, 0x7FFFFFFF)",
        r"it has broken its socket of tcp:[0-9]+",
    ),
    steered(
        "it makes its own socket block, to which the kernel steers",
        "forAWhile(fcntl.fcntl, it, fcntl.F_SETFL, 0)",
    ),
    steered("it binds a socket beside those to which the kernel steers", BESIDE_IT),
    Intrusion(
        "it lies of what it closes, where the kernel goes by that",
        CLOSED,
        more=("--dispatch=kernel", "--policy=least-connections"),
    ),
    steered("it detaches the program by which the kernel steers", PROGRAMS),
    Intrusion("it looks for listening sockets, and asks for them in any order", NONE),
    shared(
        "it makes the socket that all accept from block, again and again",
        "forAWhile(fcntl.fcntl, it, fcntl.F_SETFL, 0)",
        "has made it block",
    ),
    shared(
        "it shuts down the socket that all accept from, again and again",
        "forAWhile(it.shutdown, socket.SHUT_RDWR)",
        "has shut it down",
    ),
    shared(
        "it connects the socket that all accept from",
        CONNECTED,
        "has (connected it|shut it down)",
    ),
    shared(
        "it sets a filter on the socket that all accept from, and locks that",
        FILTER,
        "has set a filter on it",
    ),
    shared(
        "it binds the socket that all accept from to a device that there is not",
        "it.setsockopt(socket.SOL_SOCKET, 62, 0x7FFFFFFF)",
        "has set SO_BINDTODEVICE",
    ),
]
