"""
A worker that has been broken into harms itself: the primary and its siblings go on.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.process.cluster import eventually
from tests.process.hostile import descriptorsOf, doHarm, hostile, worstOf
from tests.process.injecting import injected
from tests.process.odd import connect
from tests.process.trouble import manyClients

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

# What nobody else's client may have to wait for longer.
LONG = 2.0

LINGERING = """
server = socket.create_server(("127.0.0.1", 0))
sent = [socket.create_connection(server.getsockname()) for _ in range(4)]
peers = [server.accept() for _ in sent]
for one in sent:
    one.setblocking(False)
    try:
        while True:
            one.send(bytes(65536))
    except BlockingIOError:
        pass
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
fds = [one.detach() for one in sent]
"""
# So that the primary is the last to close it.
AND_CLOSE = """
os.kill(os.getppid(), signal.SIGSTOP)
for fd in fds:
    try:
        {say}
    except PermissionError:
        continue
    os.close(fd)
os.kill(os.getppid(), signal.SIGCONT)
"""
# In a socket that is sent, unread.
NESTED = """
def inner(fd):
    one, other = socket.socketpair()
    say(one.fileno(), b"x", [fd])
    os.close(fd)
    return other.detach()

fds = list(map(inner, fds))
"""
AND_DIE = """
os.kill(os.getpid(), signal.SIGKILL)
"""
ROOM = """json.dumps([1, "Room", {}]).encode()"""


@pytest.mark.parametrize(
    "say",
    [
        f"say(CONTROL, {ROOM}, [fd])",
        f"say(CONTROL, {ROOM}, [0, fd])",
        "say(HANDOFF, record(bounces=9), [fd])",
        "say(MAIL, frame(1, flags=1, body=b'1'), [fd])",
        "say(LOG, b'{}', [fd])",
    ],
)
def test_nobodyWaitsForSocketsThatLinger(tmp_path: Path, say: str) -> None:
    """
    To close a socket takes as long as has been set on it, also if it does not block.
    """
    with hostile(tmp_path) as (cluster, port):
        before = descriptorsOf(cluster)
        for more in ("", NESTED):
            code = LINGERING + more + AND_CLOSE.format(say=say) + AND_DIE
            with doHarm(port, code):
                assert worstOf(port, 2.0) < LONG
            cluster.waitOnline(3)
        eventually(lambda: descriptorsOf(cluster) <= before, "descriptors are free")


@pytest.mark.parametrize("more", [[], ["--max-connections=20", "--at-limit=shed"]])
def test_whatIsNoConnectionIsNobodys(tmp_path: Path, more: list[str]) -> None:
    """
    It is not handed on to others, nor kept; who sends it back is killed.
    """
    with hostile(tmp_path, *more) as (cluster, port):
        before = descriptorsOf(cluster)
        code = """
        pipe, _ = os.pipe()
        for _ in range(100):
            say(HANDOFF, record() * 64, [pipe] * 64)
        """
        with doHarm(port, code):
            assert worstOf(port, 2.0) < LONG
        cluster.waitFor("sends back a connection that it was not handed; killed")
        cluster.waitOnline(3)
        eventually(lambda: descriptorsOf(cluster) <= before + 3, "descriptors are free")
        assert "Traceback" not in cluster.output()


def test_portsLeaveDescriptorsForClients(tmp_path: Path) -> None:
    """
    However many ports one worker asks for.
    """
    with hostile(tmp_path, descriptors=512) as (cluster, port):
        code = """
        for n in range(1000):
            tell("Listen", question=10**6 + n, ordinal=n, spec=dict(kind="tcp", port=0))
        """
        with doHarm(port, code):
            assert worstOf(port, 3.0) < LONG
        assert descriptorsOf(cluster) < 400


def test_socketsThatNobodyTakesAreFew(tmp_path: Path) -> None:
    """
    Who asks for sockets and never reads the answers is killed before they are all that
    there are.
    """
    with hostile(tmp_path, "--policy=none", descriptors=512) as (cluster, port):
        code = f"""
        reactor.callFromThread(reactor.clusterPorts.control.reader.stop)
        time.sleep(0.2)
        for n in range(100_000):
            tell("Unlisten", listener=1, question=n)
            tell("Listen", spec=dict(kind="tcp", port={port}), question=n)
        """
        with doHarm(port, code):
            assert worstOf(port, 3.0) < LONG
        cluster.waitFor("sockets wait that nobody takes; killed")
        cluster.waitOnline(3)


def test_recordsThatCannotBeWrittenAreLogged(tmp_path: Path) -> None:
    """
    Half of a character is no reason to say nothing.
    """
    with hostile(tmp_path) as (cluster, port):
        code = r"""
        for system, text in (("-", "one \ud800"), ("two \udfff", "three")):
            event = dict(log_level="info", log_system=system, log_format=text)
            say(LOG, json.dumps(dict(version=2, event=event)).encode())
        """
        with doHarm(port, code) as line:
            assert line.hear() == b"done"
        cluster.waitFor(r"one \ud800")
        cluster.waitFor(r"two \udfff#info] three")


def test_afterNonsenseNothingIsDone(tmp_path: Path) -> None:
    """
    What a worker has said behind what is no message is not carried out.
    """
    with hostile(tmp_path, "--log-level=debug") as (cluster, port):
        code = """
        time.sleep(0.1)
        for n in range(50):
            say(CONTROL, b"nonsense")
            tell("Listen", question=10**6 + n, ordinal=n, spec=dict(kind="udp", port=0))
        """
        with doHarm(port, code):
            cluster.waitOnline(3)
        assert cluster.output().count("; killed") == 1
        assert "listening on udp:0" not in cluster.output()


NO_MEMFD = """
def refuse(*_):
    raise OSError(errno.EPERM, "refused")

os.memfd_create = refuse
"""


def test_aPageThatIsMadeShorterIsNobodysEnd(tmp_path: Path) -> None:
    """
    Where there are no files whose size is sealed.
    """
    with hostile(tmp_path, env=injected(tmp_path, NO_MEMFD)) as (cluster, port):
        with doHarm(port, "os.ftruncate(PAGE, 0)"):
            # That may be its own end, with those whom it serves just then.
            eventually(lambda: worstOf(port, 2.0) < LONG, "all are served")
        assert cluster.process.poll() is None


def test_whoShutsItsQueueIsReplaced(tmp_path: Path) -> None:
    """
    It can be handed nothing any more.
    """
    with hostile(tmp_path) as (cluster, port):
        code = "socket.socket(fileno=os.dup(HANDOFF)).shutdown(socket.SHUT_RDWR)"
        with doHarm(port, code):
            assert worstOf(port, 1.0) < LONG
            cluster.waitFor("it has shut its handoff queue; killed")
            cluster.waitOnline(3)


def test_thoseWhoAreShedLeaveDescriptors(tmp_path: Path) -> None:
    """
    Many clients of one address, who do not read that they are too many, harm nobody who
    comes from another one.
    """
    more = ["--max-per-address=30", "--at-limit=shed"]
    with hostile(tmp_path, *more, descriptors=64) as (_, port):
        with manyClients(port, 300):
            begun = time.monotonic()
            with connect(port, "127.0.0.2", b"who\n") as client:
                assert client.recv(100)
            assert time.monotonic() - begun < LONG


RECORDS = """
import math
good = dict(log_level="info", log_namespace="shop", log_time=1.8e9, log_format="fine")


def log(fds=(), **more):
    say(LOG, json.dumps(dict(version=2, event={**good, **more})).encode(), fds)


call = "{log_level.__class__.__init__.__globals__[sys].exit()}"
log(log_format=call)
log(log_format=call, log_flattened={})
log(log_format="{x:999999999}")
log(log_format=["{x}"])
log(log_level="loud")
log(log_time=math.inf)
log(log_time=1e300)
log(log_failure="it broke")
log(log_failure={"__cluster_failure__": {"frames": [[0, "/dev/zero", "1", 2, 3]]}})
log(log_namespace="log_legacy", message=3, system=[], time="noon")
say(LOG, b"[" * 60_000)
say(LOG, bytes(60_000))
zero, (reading, writing) = os.open("/dev/zero", os.O_RDONLY), os.pipe()
for fd in (zero, reading, LOG):
    log([fd])
    say(LOG, b"along", [fd])
file = os.memfd_create("long")
os.truncate(file, 1 << 30)
say(LOG, b"along", [file])
log(log_trace="mine", message="mine", cluster_worker=7, log_format="the last one")
"""


def test_recordsThatLieAreErrors(tmp_path: Path) -> None:
    """
    Each is one line that names who sends it: nothing is called, or waited for.
    """
    with hostile(tmp_path) as (cluster, port):
        with doHarm(port, RECORDS) as line:
            assert line.hear() == b"done"
            assert worstOf(port, 1.0) < LONG
        cluster.waitFor("the last one")
        lines = cluster.output().splitlines()
        refused = [line for line in lines if "is no record" in line]
        assert len(refused) == 19
        assert all("worker 1 " in line and "error]" in line for line in refused)
        assert "Traceback" not in cluster.output()
        assert cluster.process.poll() is None


def test_whoLogsWithoutEndDelaysNobody(tmp_path: Path) -> None:
    """
    Long records or short ones, at the highest rate.
    """
    code = """
    from twisted.logger import Logger
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        Logger("flood").info("{text}", text="x" * 500_000)
        for n in range(200):
            Logger("flood").info("a short one: {n}", n=n)
    """
    with hostile(tmp_path) as (cluster, port):
        with doHarm(port, code):
            assert worstOf(port, 3.0) < 1.0
        assert cluster.output().count("flood#info") > 200


def test_nobodyLooksAtAWorkerWithoutATerminal(tmp_path: Path) -> None:
    """
    One that only says that somebody does, and hangs, is told of as any that hangs.
    """
    with hostile(tmp_path) as (cluster, port):
        code = "page()[14] = 1; os.kill(os.getpid(), signal.SIGSTOP)"
        with doHarm(port, code):
            cluster.waitFor("has shown no life for 1.")
