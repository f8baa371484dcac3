"""
A primary that is root, and workers that are nobody.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.conformance.scripts import run
from tests.process.cluster import RunningCluster, ask, freePort
from tests.process.somebody import asRoot, pathsForNobody, pythonForNobody
from tests.process.terminal import AtTerminal

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]
NOBODY = 65534
SCRIPT = """
import os
import sys
from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted_cluster import cluster


class Answer(Protocol):
    def connectionMade(self):
        self.transport.write(b"%d\\n" % os.getuid())
        self.transport.loseConnection()


class Echo(DatagramProtocol):
    def datagramReceived(self, data, peer):
        self.transport.write(data, peer)


answer = Factory.forProtocol(Answer)
globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)])
if cluster.isPrimary:
    cluster.setupPrimary(uid=65534, gid=65534, {settings})
{more}
    cluster.fork()
    cluster.fork()
else:
{worker}
reactor.run()
"""

TYPING = """
import fcntl, os, termios
from twisted.internet import reactor
from twisted_cluster import cluster

if cluster.isPrimary:
    cluster.setupPrimary(uid=65534, gid=65534)
    cluster.fork()
else:
    typed = "nowhere"
    for terminal in (0, 1, 2, "/dev/tty"):
        try:
            if isinstance(terminal, str):
                terminal = os.open(terminal, os.O_RDWR)
            for each in b"whoami":
                fcntl.ioctl(terminal, termios.TIOCSTI, bytes([each]))
            typed = terminal
        except OSError:
            pass
    print(f"{os.getuid()}: typed {typed}; said", flush=True)
reactor.run()
"""


class Script(RunningCluster):
    """
    C{python script.py}.
    """

    PLUGIN = ()


@pytest.fixture
def public() -> Iterator[Path]:
    """
    A directory that all may read, with one of nobody's in it.
    """
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        own = Path(made, "own")
        own.mkdir()
        os.chown(own, NOBODY, NOBODY)
        yield Path(made)


@contextmanager
def running(public: Path, settings: str, worker: str, more: str = "") -> Iterator[Script]:
    """
    Two workers of a script, which do so much before they run.

    @param more: What the primary does besides.
    """
    text = SCRIPT.replace("{settings}", settings)
    for name, code in (("{worker}", worker), ("{more}", more)):
        text = text.replace(name, indent(dedent(code).strip(), "    "))
    (public / "script.py").write_text(text)
    env = {"PYTHONPATH": pathsForNobody(), "PYTHONDONTWRITEBYTECODE": "1"}
    program = (str(public / "script.py"),)
    with Script((), public, env, (), pythonForNobody(), program=program) as script:
        script.waitOnline(2)
        yield script


def lowPort() -> int:
    """
    A port that nobody may not bind.
    """
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    for port in range(first - 1, max(first - 100, 0), -1):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return pytest.skip("anybody may bind any port here")


@asRoot
def test_whatThePrimaryWasGivenIsTheirs(public: Path) -> None:
    """
    Low ports, a path in a directory of root's: they listen there, and nowhere else. What
    was made is gone afterwards.
    """
    port = lowPort()
    given = [
        f"tcp:{port}:interface=127.0.0.1",
        f"udp:{port}:interface=127.0.0.1",
        f"unix:{public}/given:lockfile=0",
    ]
    worker = f"""
    reactor.listenTCP({port}, answer, interface="127.0.0.1")
    reactor.listenUDP({port}, Echo(), "127.0.0.1")
    reactor.listenUNIX("given", answer)
    reactor.listenUNIX("own/socket", answer, wantPID=True)
    try:
        reactor.listenTCP({port}, answer, interface="127.0.0.2")
    except Exception as error:
        print("refused:", error)
    """
    with running(public, f"listen={given!r}", worker) as script:
        assert ask(port) == b"65534\n"
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.settimeout(5.0)
            client.sendto(b"hello", ("127.0.0.1", port))
            assert client.recv(100) == b"hello"
        for path, owner in (("given", 0), ("own/socket", NOBODY)):
            assert (public / path).stat().st_uid == owner
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(public / path))
                assert client.recv(100) == b"65534\n"
        script.waitFor("Permission denied: to user 65534; give it to", 2)
        # It may not remove anything there by now.
        os.chown(public / "own", 0, 0)
        (public / "own").chmod(0o700)
        assert script.stop() == 0
    assert sorted(os.listdir(public)) == ["own", "script.py"]
    assert os.listdir(public / "own") == []


@asRoot
def test_workersAreLedNowhereWhereTheyCouldNotGo(public: Path) -> None:
    """
    By a link of theirs in the path that they are to run in.
    """
    hidden = public / "hidden"
    (hidden / "inner").mkdir(parents=True)
    hidden.chmod(0o700)
    current = public / "own" / "current"
    current.symlink_to(public / "own")
    worker = f"""
    print("it runs in", os.getcwd())
    if cluster.worker.id == 2:
        os.unlink({str(current)!r})
        os.symlink({str(hidden / "inner")!r}, {str(current)!r})
        cluster.worker.send("once more")
    """
    more = """
    cluster.on("error", lambda worker, why: print("refused:", why.getErrorMessage()))
    cluster.on("message", lambda worker, message: cluster.fork())
    """
    with running(public, f"cwd={str(current)!r}", worker, more) as script:
        script.waitFor("refused: [Errno 13] Permission denied")
        assert script.output().count(f"it runs in {public}/own\n") == 2
        assert script.output().count("it runs in") == 2


def test_settingsSayWhatIsHeldNow(tmp_path: Path) -> None:
    """
    What is named later is bound with the next fork, what is not named any more is let go
    of, and what cannot be bound is raised.
    """
    script = run(
        """
        import socket

        def isOpen(port):
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0

        if cluster.isWorker:
            reactor.run()
            sys.exit()
        first, second = map(int, sys.argv[1:])
        cluster.setupPrimary(listen=f"tcp:{first}", args=[])
        say("before", open=isOpen(first))
        cluster.fork()
        say("first", open=[isOpen(first), isOpen(second)])
        cluster.setupPrimary(listen=[f"tcp:{second}"])
        cluster.fork()
        say("second", open=[isOpen(first), isOpen(second)])
        cluster.setupPrimary(listen="unix:/nowhere/socket")
        try:
            cluster.fork()
        except OSError as error:
            say("raised", error=str(error), open=isOpen(second))
        cluster.setupPrimary(listen=None)
        cluster.disconnect()
        stopWhenAlone()
        reactor.run()
        """,
        tmp_path,
        arguments=[str(freePort()), str(freePort())],
    )
    assert script.the("before")["open"] is False
    assert script.the("first")["open"] == [True, False]
    assert script.the("second")["open"] == [False, True]
    raised = script.the("raised")
    assert (
        raised["error"] == "[Errno 2] No such file or directory: 'unix:/nowhere/socket'"
    )
    assert raised["open"] is False


@asRoot
def test_nobodyTypesIntoRootsTerminal(public: Path) -> None:
    """
    Who started the cluster at one would have a worker's words for its own.
    """
    (public / "script.py").write_text(dedent(TYPING))
    env = {"PYTHONPATH": pathsForNobody(), "PYTHONDONTWRITEBYTECODE": "1"}
    program = (pythonForNobody(), "script.py")
    with AtTerminal([], public, env, program) as terminal:
        seen = terminal.waitFor("; said")
        assert "65534: typed nowhere" in seen
        assert "whoami" not in seen
        terminal.interrupt()
        assert terminal.wait() == 0, terminal.shown()
