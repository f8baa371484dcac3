"""
The log of a real cluster, as its operator reads it.
"""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, eventually, freePort, running
from tests.process.facts import Stock

TELLER = """
import sys
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python import log as legacy

log = Logger("shop")


class Tell(Protocol):
    def dataReceived(self, data):
        word = data.decode().strip()
        if word == "forge":
            forged = "x\\n2026-01-01T00:00:00+0000 [cluster#error] forged \\x1b[2J\\u202e"
            log.error("{what}", what=forged)
            legacy.msg(forged, system="a\\n2026-01-01T00:00:00+0000 [b]")
            sys.__stdout__.write(forged + "\\n")
            sys.__stdout__.flush()
        elif word == "levels":
            for name in ("debug", "info", "warn", "error"):
                getattr(log, name)("level {name}", name=name)
        elif word == "fail":
            try:
                1 / 0
            except ZeroDivisionError:
                log.failure("it failed", order=7)
        self.transport.write(b"done")


tell = Factory.forProtocol(Tell)
"""
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}"
LINE = re.compile(rf"{TIME} (worker \d+ )?\[.+#(debug|info|warn|error|critical)\] .")
TAC = """
from twisted.application.internet import TCPServer
from twisted.application.service import Application
from teller import tell

application = Application("teller")
TCPServer({port}, tell, interface="127.0.0.1").setServiceParent(application)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """
    A directory with an application that logs what it is told to.
    """
    (tmp_path / "teller.py").write_text(TELLER)
    return tmp_path


def listen(port: int) -> Sequence[str]:
    """
    What runs the application there.
    """
    return ["--app=teller.tell", f"--listen=tcp:{port}:interface=127.0.0.1"]


def connect(port: int, word: bytes = b"") -> socket.socket:
    """
    A client that stays, and whose word was heard.
    """
    client = socket.create_connection(("127.0.0.1", port), 5.0)
    if word:
        client.sendall(word)
        assert client.recv(100) == b"done"
    return client


def linesOf(output: str) -> list[str]:
    """
    What begins at the margin, without its time.
    """
    return [line[25:] for line in output.splitlines() if not line.startswith("\t")]


def test_aLifeIsALineAndSoIsADeath(shop: Path) -> None:
    """
    Boot, a crash, a stop with somebody who stays: what is said, all of it.
    """
    port = freePort()
    arguments = [*listen(port), "--drain-timeout=1", "--dispatch=handoff"]
    with running(arguments, shop) as cluster:
        cluster.waitFor("ready: ")
        victim = cluster.workerPids()[1]
        os.kill(victim, signal.SIGKILL)
        cluster.waitOnline(3)
        with connect(port, b"hello"):
            assert cluster.stop() == 0
        said = [re.sub(r"\d+\.\d s|\d\d s", "N s", x) for x in linesOf(cluster.output())]
    said = [re.sub(r"; again in N s|\(\d+\)|pid \d+", "P", one) for one in said]
    worker = r"[cluster#info] worker {} P ready after N s"
    assert said[2:-2] == [
        f"[cluster#info] listening on tcp:{port}:interface=127.0.0.1 "
        f"(127.0.0.1 port {port})",
        worker.format(1),
        worker.format(2),
        f"[cluster#info] ready: 2 workers on tcp:{port}:interface=127.0.0.1; P; N s",
        "[cluster#error] worker 2 P died of SIGKILL after N s, not killed by the "
        "cluster: out of memory?" + said[6].partition("memory?")[2],
        worker.format(2),
        *said[8:-2],
    ]
    assert said[8].endswith("#info] Received SIGTERM, shutting down.")
    stop = "\n".join(said[9:-2])
    assert re.match(
        r"\[cluster#info\] stopping: waiting for worker (\d) P with 1 connection; N s "
        r"left\n\[cluster#info\] worker \d P ended after N s"
        r"\n\[cluster#warn\] worker \1 P ended after N s: its drain time-out of 1 s was "
        r"over; 1 connection was cut"
        r"\n\[cluster#warn\] stopped after N s; 1 connection was cut$",
        stop,
    ), stop


def isHurried(cluster: RunningCluster) -> bool:
    """
    Signal once more, and see whether that is told.
    """
    if "a second signal: workers are killed" in cluster.output():
        return True
    cluster.signal(signal.SIGTERM)
    return False


def test_aSecondSignalIsToldAsWhatItIs(shop: Path) -> None:
    """
    Who was killed by it, and what was cut; no crash.
    """
    port = freePort()
    with running(listen(port), shop) as cluster, connect(port, b"hello"):
        cluster.signal(signal.SIGTERM)
        cluster.waitFor("stopping: waiting for worker")
        # What comes at once is taken for the same.
        eventually(lambda: isHurried(cluster), "a second signal that counts")
        assert cluster.wait() == 0
        assert re.search(
            r"\[cluster#warn\] worker \d \(\d+\) was killed after \d+(\.\d)? s: a second "
            r"signal has come; 1 connection was cut",
            cluster.output(),
        )
        assert "stopped after" in cluster.output()
        assert "#error" not in cluster.output()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_aSignalToAllIsACleanStop(shop: Path, number: int) -> None:
    """
    As Ctrl-C, and as systemd does it: nothing false is said, and nothing is wrong.
    """
    port = freePort()
    with running(listen(port), shop) as cluster:
        cluster.waitFor("ready: ")
        os.killpg(cluster.pid, number)
        assert cluster.wait() == 0
        said = cluster.output()
        assert said.count("shutting down.") == said.count("Main loop terminated.") == 1
        assert "; nothing was cut" in said
        assert not re.search("#(warn|error|critical)|is gone|killed", said)


def test_nobodyCanForgeALine(shop: Path) -> None:
    """
    Every line that begins at the margin is one of ours, whatever an application says;
    stock lets it.
    """
    port = freePort()
    with running(listen(port), shop, 1) as cluster:
        connect(port, b"forge").close()
        cluster.waitFor("forged", 3)
        assert cluster.stop() == 0
        said = cluster.output()
    assert [one for one in said.splitlines() if not re.match(rf"\t|{TIME} ", one)] == []
    assert all(LINE.match(one) for one in said.splitlines() if one[0] != "\t"), said
    assert not any(one.startswith("[cluster#error]") for one in linesOf(said))
    assert said.count("forged \\x1b[2J\\u202e") == 3
    assert "\x1b" not in said


def test_levelsAreShownAndChosen(shop: Path) -> None:
    """
    Stock logs all of them; here debug is asked for.
    """
    (shop / "x.tac").write_text(TAC.format(port=(port := freePort())))
    levels = ["debug", "info", "warn", "error"]
    for start, shown, who in (
        (partial(Stock, ["-y", "x.tac"]), levels, ""),
        (partial(Here, "info"), levels[1:], "worker 1 "),
        (partial(Here, "debug"), levels, "worker 1 "),
        (partial(Here, "error"), levels[3:], "worker 1 "),
    ):
        with start(shop) as cluster:
            eventually(lambda: isServed(port), "it listens")
            connect(port, b"levels").close()
            cluster.waitFor("level error")
            said = re.findall(r"^\S+ (.*\[shop#.*)$", cluster.output(), re.M)
            assert said == [f"{who}[shop#{name}] level {name}" for name in shown]


class Here(RunningCluster):
    """
    The same by a worker.
    """

    def __init__(self, level: str, directory: Path) -> None:
        arguments = ["-w1", f"--log-level={level}", "-y", "x.tac"]
        super().__init__(arguments, directory)


def isServed(port: int) -> bool:
    """
    Whether somebody listens.
    """
    try:
        connect(port).close()
    except OSError:
        return False
    return True


def test_machinesReadObjects(shop: Path) -> None:
    """
    Each line is one; a worker's failure has its traceback, its fields, and whose it is.
    """
    port = freePort()
    arguments = ["-w1", "--log-format=json", *listen(port)]
    with RunningCluster(arguments, shop) as cluster:
        cluster.waitFor('"ready: ')
        (pid,) = cluster.workerPids()
        connect(port, b"fail").close()
        cluster.waitFor("it failed")
        assert cluster.stop() == 0
        said = [json.loads(line) for line in cluster.output().splitlines()]
    (failed,) = (one for one in said if one["text"] == "it failed")
    assert failed["failure"].endswith("ZeroDivisionError: division by zero")
    del failed["time"], failed["failure"]
    assert failed == {
        "level": "critical",
        "namespace": "shop",
        "worker": 1,
        "id": 1,
        "pid": pid,
        "generation": 1,
        "text": "it failed",
        "fields": {"order": 7},
    }


@pytest.mark.parametrize("isPlain", [False, True])
def test_coloursAreForTerminals(shop: Path, isPlain: bool) -> None:
    """
    Of the level alone, and not for who has said NO_COLOR.
    """
    ours, theirs = pty.openpty()
    port = freePort()
    env = {"TERM": "xterm", "NO_COLOR": "1" if isPlain else ""}
    before = lambda: os.dup2(theirs, 1)  # noqa: E731
    with RunningCluster(["-w1", *listen(port)], shop, env, before=before):
        os.close(theirs)
        said = b""
        while b"ready: " not in said:
            said += os.read(ours, 65536)
        connect(port, b"levels").close()
        while b"level error" not in said:
            said += os.read(ours, 65536)
    os.close(ours)
    assert (b"[shop#\x1b[31merror\x1b[0m] level error" in said) is not isPlain
    assert (b"\x1b" not in said) is isPlain


def test_whoCannotStartIsToldOfOnce(shop: Path) -> None:
    """
    While others serve: with its reason, once, however often it is tried; and when it can.
    """
    (shop / "picky.py").write_text(
        "import os\nfrom twisted.internet import reactor\nfrom teller import tell\n"
        "if reactor.clusterLink.told.slot == 2 and not os.path.exists('table'):\n"
        "    with open('tries', 'a') as tries: tries.write('x')\n"
        "    raise LookupError('there is no table')\n"
    )
    port = freePort()
    arguments = ["-w2", "--app=picky.tell", f"--listen=tcp:{port}:interface=127.0.0.1"]
    with RunningCluster(arguments, shop) as cluster:
        tries = shop / "tries"
        eventually(lambda: tries.exists() and tries.stat().st_size >= 5, "5 tries")
        (shop / "table").touch()
        cluster.waitFor(") serves, after ")
        said = cluster.output()
    assert said.count("Traceback (most recent call last)") == 1
    assert said.count("exited with 1") == 2
    assert said.count("worker 2 cannot start") == 1
    assert re.search(
        r"\[cluster#error\] 1 of 2 workers serves; worker 2 cannot start: .*"
        r"LookupError: there is no table \(tried 3 times, again in 0\.4 s\)\n",
        said,
    )
    assert re.search(r"after \d+ failed starts: 2 of 2 workers serve\n", said)


def test_whoHasThePortIsTheReason(shop: Path) -> None:
    """
    Of an application that binds one itself, in each worker.
    """
    port, own = freePort(), freePort()
    (shop / "raw.py").write_text(
        "import socket\nfrom teller import tell\n"
        f"taken = socket.create_server(('127.0.0.1', {own}))\n"
    )
    arguments = ["-w2", "--app=raw.tell", f"--listen=tcp:{port}:interface=127.0.0.1"]
    with RunningCluster(arguments, shop) as cluster:
        cluster.waitFor("cannot start: ")
        (pid,) = cluster.workerPids()
        assert (
            f"1 of 2 workers serves; worker 2 cannot start: tcp:{own} is taken by worker "
            f"1 itself (pid {pid})"
        ) in cluster.output()


def test_theReasonOfAFailedStartIsInBothPlaces(shop: Path) -> None:
    """
    In the log file, and at the terminal; once where these are one. Stock ends with the
    same code.
    """
    (shop / "broken.tac").write_text("raise LookupError('there is no table')\n")
    log = shop / "out.log"
    twistd = ("-n", "--pidfile=", f"--logfile={log}")
    with RunningCluster(["-y", "broken.tac"], shop, twistd=twistd) as cluster:
        assert cluster.wait() == 1
        assert "LookupError: there is no table" in cluster.output()
        assert "LookupError: there is no table" in log.read_text()
        assert "#critical] no worker can start, the cluster ends: " in log.read_text()
    with RunningCluster(["-y", "broken.tac"], shop) as cluster:
        assert cluster.wait() == 1
        assert cluster.output().count("Traceback (most") == 1
    with Stock(["-y", "broken.tac"], shop) as stock:
        assert stock.wait() == 1


def test_aPortThatIsTakenIsToldInBothPlaces(shop: Path) -> None:
    """
    Once in each; once in all where they are one.
    """
    log = shop / "out.log"
    with socket.create_server(("127.0.0.1", 0)) as other:
        arguments = listen(other.getsockname()[1])
        twistd = ("-n", "--pidfile=", f"--logfile={log}")
        with RunningCluster(arguments, shop, twistd=twistd) as cluster:
            assert cluster.wait() == 1
            assert cluster.output().count("cannot listen on tcp:") == 1
        with RunningCluster(arguments, shop) as cluster:
            assert cluster.wait() == 1
            assert cluster.output().count("cannot listen on tcp:") == 1
    assert log.read_text().count("cannot listen on tcp:") == 1


def test_startsThatLogMuchLoseNothing(shop: Path) -> None:
    """
    What a service logs while it starts is there as under stock, in its order, also
    where much of it is errors.
    """
    (shop / "loud.tac").write_text(
        "from twisted.application.service import Application, Service\n"
        "from twisted.logger import Logger\n"
        "class Loud(Service):\n"
        "    def startService(self):\n"
        "        for number in range(900):\n"
        "            say = (log.error, log.info, log.warn)[number % 3]\n"
        "            say('number {number}.', number=number)\n"
        "log = Logger('loud')\n"
        "application = Application('loud')\n"
        "Loud().setServiceParent(application)\n"
    )
    expected = list(map(str, range(900)))
    with Stock(["-y", "loud.tac"], shop) as stock:
        stock.waitFor("number 899.")
        assert re.findall(r"number (\d+)\.", stock.output()) == expected
    with RunningCluster(["-w1", "-y", "loud.tac"], shop) as cluster:
        cluster.waitFor("ready: 1 worker on no port; ")
        cluster.waitFor("number 899.")
        assert re.findall(r"number (\d+)\.", cluster.output()) == expected


def test_whoEndsWhileItLogsLosesNothing(shop: Path) -> None:
    """
    As under stock: lines so long that they take no room on the way to the primary.
    """
    (shop / "last.tac").write_text(
        "import os\n"
        "from twisted.application.service import Application\n"
        "from twisted.internet import reactor\n"
        "from twisted.logger import Logger\n"
        "log = Logger('last')\n"
        "def end():\n"
        "    for number in range(80):\n"
        "        log.info('number {number}. {more}', number=number, more='x' * 100000)\n"
        "    os._exit(5)\n"
        "application = Application('last')\n"
        "reactor.callLater(2.0, end)\n"
    )
    with RunningCluster(["-w1", "-y", "last.tac"], shop) as cluster:
        cluster.waitFor(") exited with 5 ")
        said = cluster.output().partition(") exited with 5 ")[0]
    assert re.findall(r"number (\d+)\. x{100000}\n", said) == list(map(str, range(80)))


def test_aDaemonThatCannotListenSaysSoInItsLog(shop: Path) -> None:
    """
    Stock's log has nothing of it.
    """
    log = shop / "out.log"
    with socket.create_server(("127.0.0.1", 0)) as other:
        twistd = ("--pidfile=", f"--logfile={log}")
        arguments = listen(other.getsockname()[1])
        with RunningCluster(arguments, shop, twistd=twistd) as cluster:
            assert cluster.wait() == 1
    assert "[cluster#critical] cannot listen on tcp:" in log.read_text()
    assert "Address already in use" in log.read_text()


@pytest.mark.parametrize("path", ["no/such/out.log", "pipe"])
def test_aLogThatCannotBeWrittenIsOneError(shop: Path, path: str) -> None:
    """
    A folder that is gone, a pipe that nobody reads; stock ends with a traceback.
    """
    os.mkfifo(shop / "pipe")
    twistd = ("-n", "--pidfile=", f"--logfile={path}")
    with RunningCluster(listen(freePort()), shop, twistd=twistd) as cluster:
        assert cluster.wait() == 1
        assert re.fullmatch(r"twistd cluster: cannot log to \S+: .*\n", cluster.output())


def rotate(cluster: RunningCluster, port: int) -> None:
    """
    As log rotation does it, twice.
    """
    eventually(lambda: isServed(port), "it listens")
    for _ in range(2):
        cluster.signal(signal.SIGUSR1)
        connect(port, b"levels").close()


def test_deviceIsNotRotated(shop: Path) -> None:
    """
    Nor does SIGUSR1 end the cluster; it is said. Stock renames what is there: here a link
    to the device, so that a test that fails does no harm.
    """
    port = freePort()
    (shop / "x.tac").write_text(TAC.format(port=port))
    link = shop / "link"
    link.symlink_to("/dev/null")
    twistd = ("-n", "--pidfile=", f"--logfile={link}")
    with Stock(["-y", "x.tac"], shop, twistd=twistd) as stock:
        rotate(stock, port)
        eventually(lambda: (shop / "link.2").is_symlink(), "stock has renamed it")
        stock.stop()
    for one in shop.glob("link*"):
        one.unlink()
    link.symlink_to("/dev/null")
    with RunningCluster(["-y", "x.tac"], shop, twistd=twistd) as cluster:
        rotate(cluster, port)
        assert cluster.stop() == 0
    assert link.is_symlink()
    assert not (shop / "link.1").exists()


def test_aPipeIsToldThatItIsNotRotated(shop: Path) -> None:
    """
    In the log, which goes on.
    """
    port = freePort()
    pipe = shop / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    twistd = ("-n", "--pidfile=", f"--logfile={pipe}")
    with RunningCluster(listen(port), shop, twistd=twistd) as cluster:
        rotate(cluster, port)
        assert cluster.stop() == 0
    said = b"".join(iter(lambda: os.read(reader, 65536), b"")).decode()
    os.close(reader)
    assert said.count(f"the log is not rotated: {pipe} is no regular file") == 2
    assert "Main loop terminated." in said


def test_filesAreRotatedAsStockDoes(shop: Path) -> None:
    """
    Upon SIGUSR1, with the same names.
    """
    port = freePort()
    log = shop / "out.log"
    twistd = ("-n", "--pidfile=", f"--logfile={log}")
    with RunningCluster(listen(port), shop, twistd=twistd) as cluster:
        eventually(lambda: isServed(port), "it listens")
        cluster.signal(signal.SIGUSR1)
        eventually(lambda: (shop / "out.log.1").exists(), "it is rotated")
        connect(port, b"levels").close()
        eventually(
            lambda: log.exists() and "level error" in log.read_text(), "it goes on"
        )
        assert cluster.stop() == 0
    assert "starting up" in (shop / "out.log.1").read_text()
