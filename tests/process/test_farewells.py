"""
How workers take leave in the words of other protocols, and what the application is told.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.process.certificates import makeCertificate
from tests.process.leaving import asked, client, leaving, rest, stopping

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def secured(port: int, certificate: Path, *protocols: str) -> ssl.SSLSocket:
    """
    A client by TLS, to whom an end without a word is an error.
    """
    context = ssl.create_default_context(cafile=certificate)
    context.set_alpn_protocols(list(protocols) or ["http/1.1"])
    plain = socket.create_connection(("127.0.0.1", port), 10.0)
    return context.wrap_socket(
        plain, server_hostname="localhost", suppress_ragged_eofs=False
    )


def test_tlsIsClosedInOrderToo(tmp_path: Path) -> None:
    """
    With close_notify: else that would be an error.
    """
    file = tmp_path / "pem"
    makeCertificate(file)
    with leaving("site", tmp_path, listen=f"ssl:{{}}:privateKey={file}") as running:
        cluster, port = running
        with secured(port, file) as idle, secured(port, file) as slow:
            idle.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            assert idle.recv(4096).startswith(b"HTTP/1.1 200")
            slow.sendall(b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n")
            begun = stopping(cluster)
            # Older versions send head and body by themselves.
            assert all(iter(lambda: idle.recv(4096), b""))
            assert time.monotonic() - begun < 5.0
            answer = b"".join(iter(lambda: slow.recv(4096), b""))
            assert b"connection: close" in answer.lower()
            assert b"done" in answer
        assert cluster.wait() == 0
        assert "nothing was cut" in cluster.output()


def test_http2IsToldToGoAway(tmp_path: Path) -> None:
    """
    At once; streams that are open are served to their end. Then it is told which was the
    last one.
    """
    h2 = pytest.importorskip("h2.connection")
    events = pytest.importorskip("h2.events")
    pytest.importorskip("priority")
    file = tmp_path / "pem"
    makeCertificate(file)
    with leaving("site", tmp_path, listen=f"ssl:{{}}:privateKey={file}") as running:
        cluster, port = running
        with secured(port, file, "h2") as one, secured(port, file, "h2") as idle:
            assert one.selected_alpn_protocol() == "h2"
            conn, other = h2.H2Connection(), h2.H2Connection()
            for each, wire in ((conn, one), (other, idle)):
                each.initiate_connection()
                wire.sendall(each.data_to_send())
            head = [
                (":method", "GET"),
                (":path", "/slow"),
                (":scheme", "https"),
                (":authority", "here"),
            ]
            conn.send_headers(1, head, end_stream=True)
            one.sendall(conn.data_to_send())
            idle.recv(4096)
            stopping(cluster)
            # h2 itself takes the first one for the end.
            heard = b"".join(iter(lambda: one.recv(65536), b""))
            assert heard.count(b"\x00\x00\x08\x07\x00\x00\x00\x00\x00") == 2
            assert b"done" in heard
            assert heard.index(b"\x07\x00\x00\x00\x00\x00\x7f\xff\xff\xff") < heard.index(
                b"done"
            )
            assert heard.endswith(b"\x00\x00\x00\x01\x00\x00\x00\x00")
            quiet = b"".join(iter(lambda: idle.recv(65536), b""))
            told = other.receive_data(quiet)
            assert any(isinstance(e, events.ConnectionTerminated) for e in told)
        assert cluster.wait() == 0
        assert "nothing was cut" in cluster.output()


@pytest.mark.parametrize(
    ("app", "library"),
    [
        ("autobahn", "autobahn"),
        ("autobahnResource", "autobahn"),
        ("twistedSockets", "twisted.web.websocket"),
    ],
)
def test_webSocketsAreToldOfARestart(tmp_path: Path, app: str, library: str) -> None:
    """
    With the code 1012.
    """
    pytest.importorskip(library)
    with leaving(app, tmp_path) as (cluster, port):
        one = client(port, UPGRADE % port)
        assert one.recv(4096).startswith(b"HTTP/1.1 101")
        begun = stopping(cluster)
        frame = one.recv(4096)
        assert frame[:1] == b"\x88"
        assert frame[2:4] == (1012).to_bytes(2, "big")
        one.sendall(b"\x88\x82\0\0\0\0" + frame[2:4])
        # Having heard the answer, Autobahn resets.
        with one, suppress(ConnectionResetError):
            assert one.recv(4096) == b""
        assert cluster.wait() == 0
        assert time.monotonic() - begun < 3.0
        assert "nothing was cut" in cluster.output()


@pytest.mark.parametrize(
    ("app", "word"),
    [("smtp", b"421 "), ("imap", b"* BYE "), ("ftp", b"421 ")],
)
def test_whoHasAWordForItSaysIt(tmp_path: Path, app: str, word: bytes) -> None:
    """
    And closes in order.
    """
    with leaving(app, tmp_path) as (cluster, port):
        one = client(port)
        assert one.recv(4096).endswith(b"\r\n")
        stopping(cluster)
        assert rest(one) == word + b"this server restarts\r\n"
        assert cluster.wait() == 0
        assert "nothing was cut" in cluster.output()


def greeted(port: int) -> socket.socket:
    """
    Somebody who is served.
    """
    made = client(port)
    assert made.recv(100) == b"hello\n"
    return made


def test_protocolsMayTakeLeaveThemselves(tmp_path: Path) -> None:
    """
    In as much time as they need; so may others for them.
    """
    with leaving("polite", tmp_path) as (cluster, port):
        one, other = greeted(port), greeted(port)
        stopping(cluster)
        assert rest(one) == rest(other) == b"bye\nnow\n"
    with leaving("foreign", tmp_path) as (cluster, port):
        one = greeted(port)
        stopping(cluster)
        assert rest(one) == b"farewell\n"


def test_servicesAreToldAndWaitedFor(tmp_path: Path) -> None:
    """
    That the drain begins, though nobody is connected; then they stop.
    """
    env = {"DRAIN": "0.5", "STOP": "0.5"}
    with leaving("keeper", tmp_path, listen="", env=env) as (cluster, port):
        idle = asked(port)
        begun = stopping(cluster)
        assert rest(idle) == b""
        assert cluster.wait() == 0
        assert time.monotonic() - begun >= 1.0
        said = cluster.output()
        steps = ["is to drain", "drained", "is to stop", "stopped"]
        places = [said.index(step) for step in steps]
        assert places == sorted(places)


def test_whatDoesNotDrainIsNamed(tmp_path: Path) -> None:
    """
    What fails, with its reason; what never ends, when the time is over.
    """
    with leaving("keeper", tmp_path, listen="", env={"DRAIN": "fails"}) as (cluster, _):
        stopping(cluster)
        assert cluster.wait() == 0
        assert "leaving.Keeper could not drain" in cluster.output()
        assert "ValueError: no" in cluster.output()
    env = {"DRAIN": "never"}
    short = "--drain-timeout=1"
    with leaving("keeper", tmp_path, short, listen="", env=env) as (cluster, _):
        begun = stopping(cluster)
        assert cluster.wait() == 0
        assert 1.0 <= time.monotonic() - begun < 4.0
        assert "leaving.Keeper has not finished" in cluster.output()
        assert "stopped" in cluster.output()


def test_aStopHasItsOwnTime(tmp_path: Path) -> None:
    """
    What needs two seconds to save its state has them, however little time there is to
    drain, and after that; one that never ends is ended when its own time is over, and its
    connections are cut in order.
    """
    for seconds, options in [("2", ["--drain-timeout=0.5"]), ("1", [])]:
        env = {"STOP": seconds}
        with leaving("keeper", tmp_path, *options, listen="", env=env) as (cluster, port):
            slow = client(port, b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n")
            stopping(cluster)
            assert cluster.wait() == 0
            slow.close()
            assert "stopped\n" in cluster.output()
            assert "killed" not in cluster.output()
    env = {"STOP": "never"}
    short = "--stop-timeout=1"
    with leaving("keeper", tmp_path, short, listen="", env=env) as (cluster, _):
        begun = stopping(cluster)
        assert cluster.wait() == 0
        assert 1.0 <= time.monotonic() - begun < 3.0
        assert "1 s to stop are over" in cluster.output()
        assert "killed" not in cluster.output()


def test_aWorkerThatIsToldAloneDoesTheSame(tmp_path: Path) -> None:
    """
    While another one serves.
    """
    with leaving("site", tmp_path, workers=2) as (cluster, port):
        clients = [asked(port) for _ in range(10)]
        os.kill(cluster.workerPids()[0], signal.SIGTERM)
        cluster.waitOnline(3)
        first, second = clients[::2], clients[1::2]
        for one in (first, second):
            one[0].settimeout(1.0)
        ended = [one for one in (first, second) if isEnded(one[0])]
        assert len(ended) == 1
        assert all(rest(one) == b"" for one in ended[0])
        for one in clients:
            one.close()


def isEnded(one: socket.socket) -> bool:
    """
    Whether it ends now.
    """
    try:
        return one.recv(1) == b""
    except TimeoutError:
        return False
