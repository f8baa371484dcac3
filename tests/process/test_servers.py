"""
Servers that know nothing of clusters run in one, and clients that know nothing of them
are served.
"""

from __future__ import annotations

import base64
import datetime
import ftplib
import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import stat
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path

import pytest
from twisted.names import dns

from tests.process.cluster import RunningCluster, eventually, freePort

pytestmark = pytest.mark.process

FIXTURES = Path(__file__).parent / "fixtures"
TIMEOUT = 10.0
IPV6 = "IPv6Address(type='TCP', host='::1', port={}, flowInfo=0, scopeID=0)"


@contextmanager
def serving(*arguments: str, workers: int = 2, **env: str) -> Iterator[RunningCluster]:
    """
    A cluster in the directory of the fixtures, with all workers online, which ends well.

    @param env: Additions to its environment.
    """
    full = ["--workers", str(workers), *arguments]
    with RunningCluster(full, FIXTURES, env=env) as cluster:
        cluster.waitOnline(workers)
        yield cluster
        assert cluster.stop() == 0
        assert "Traceback" not in cluster.output(), cluster.output()


def fetch(port: int, path: str = "/", body: bytes | None = None) -> bytes:
    """
    The body of one successful HTTP response, on a connection of its own.
    """
    with closing(http.client.HTTPConnection("127.0.0.1", port, TIMEOUT)) as client:
        client.request("GET" if body is None else "POST", path, body)
        response = client.getresponse()
        assert response.status == 200
        return response.read()


def connect(port: int, host: str = "127.0.0.1") -> socket.socket:
    """
    A connected socket with a time limit.
    """
    return socket.create_connection((host, port), TIMEOUT)


def line(client: socket.socket) -> str:
    """
    One line, byte by byte so that nothing after it is lost.
    """
    return b"".join(iter(lambda: client.recv(1), b"\n")).decode()


def greeted(port: int) -> str:
    """
    The line that a client is sent.
    """
    with connect(port) as client:
        return line(client)


def assertAllServe(cluster: RunningCluster, ask: Callable[[], bytes | str]) -> None:
    """
    Each worker answers: at once, but who has just had much to do may be passed over for a
    moment.

    @param ask: Returns the pid of who has served one more client.
    """
    pids = {int(ask()) for _ in range(2)}
    eventually(
        lambda: pids == set(cluster.workerPids()) or pids.add(int(ask())), "all serve"
    )


def exactly(client: socket.socket, size: int) -> bytes:
    """
    So many bytes.
    """
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        assert more, f"the connection ended after {len(data)} of {size} bytes"
        data += more
    return data


# HTTP


@pytest.mark.usefixtures("eitherWay")
def test_twistdWebServesFiles(tmp_path: Path) -> None:
    """
    C{twistd web} serves a whole large file on every connection, and both workers serve.
    """
    content = os.urandom(300_000)
    (tmp_path / "large.bin").write_bytes(content)
    shutil.copy(FIXTURES / "page.rpy", tmp_path)
    port = freePort()
    web = ["web", "--listen", f"tcp:{port}", "--path", str(tmp_path)]
    with serving(*web) as cluster:
        for _ in range(10):
            assert fetch(port, "/large.bin") == content
        with ThreadPoolExecutor(8) as clients:
            served = list(clients.map(lambda _: fetch(port, "/large.bin"), range(40)))
        assert served == [content] * 40
        assertAllServe(cluster, lambda: fetch(port, "/page.rpy"))


def test_portsGivenToTheClusterReachThePlugin(tmp_path: Path) -> None:
    """
    A port that the cluster binds first is the one that C{twistd web} then serves.
    """
    (tmp_path / "file").write_bytes(b"content")
    listen = ["--listen", f"tcp:{freePort()}:interface=127.0.0.1"]
    with serving(*listen, "web", *listen, "--path", str(tmp_path)):
        port = int(listen[1].split(":")[1])
        assert [fetch(port, "/file") for _ in range(4)] == [b"content"] * 4


def test_persistentConnectionStaysWithItsWorker() -> None:
    """
    All requests of one HTTP connection are served by the worker that got it.
    """
    port = freePort()
    with serving("--app=kinds.Page", f"--listen=tcp:{port}"):
        with closing(http.client.HTTPConnection("127.0.0.1", port, TIMEOUT)) as client:
            pids = set()
            for _ in range(20):
                client.request("GET", "/")
                pids.add(client.getresponse().read())
        assert len(pids) == 1


@pytest.mark.parametrize("name", ["Page", "wsgi"])
def test_webApplicationsAreServed(name: str) -> None:
    """
    A Resource class and a WSGI application answer from both workers, bodies included.
    """
    port = freePort()
    with serving(f"--app=kinds.{name}", f"--listen=tcp:{port}") as cluster:
        assertAllServe(cluster, lambda: fetch(port))
        body = b"abc" * 100_000
        with ThreadPoolExecutor(8) as clients:
            upper = list(clients.map(lambda _: fetch(port, body=body), range(16)))
        assert upper == [body.upper()] * 16


@pytest.mark.usefixtures("eitherWay")
def test_kleinIsServed() -> None:
    """
    A Klein application routes, waits, and reads JSON, in both workers.
    """
    port = freePort()
    with serving("--app=kleinapp.app", f"--listen=tcp:{port}") as cluster:
        assertAllServe(cluster, lambda: fetch(port))
        with ThreadPoolExecutor(8) as clients:
            slow = list(clients.map(lambda _: fetch(port, "/slow/50"), range(16)))
        assert slow == [b"at last"] * 16
        for size in range(4):
            body = json.dumps(list(range(size))).encode()
            assert json.loads(fetch(port, "/sum", body)) == sum(range(size))


# Services


@pytest.mark.parametrize("name", ["makeService", "makeServiceOn"])
def test_callablesMakeServices(name: str) -> None:
    """
    A service that listens by itself, made by a callable, with or without the reactor.
    """
    port = freePort()
    endpoint = f"tcp:{port}:interface=127.0.0.1"
    with serving(f"--app=kinds.{name}", ENDPOINT=endpoint) as cluster:
        assertAllServe(cluster, lambda: greeted(port))


# FTP


@pytest.mark.usefixtures("eitherWay")
def test_ftpPassiveTransfersReachTheirSession(tmp_path: Path) -> None:
    """
    The data connection of a passive transfer is served by the worker of its session.
    """
    content = os.urandom(100_000)
    (tmp_path / "file.bin").write_bytes(content)

    def session(_: int) -> tuple[list[bytes], list[str]]:
        got: list[bytes] = []
        listed: list[str] = []
        with ftplib.FTP(timeout=TIMEOUT) as ftp:
            ftp.connect("127.0.0.1", port)
            ftp.login()
            for _ in range(5):
                received = BytesIO()
                ftp.retrbinary("RETR file.bin", received.write)
                got.append(received.getvalue())
                ftp.retrlines("LIST", listed.append)
            ftp.quit()
        return got, listed

    port = freePort()
    with serving("ftp", "--port", str(port), "--root", str(tmp_path)):
        sessions = [session(n) for n in range(4)]
        with ThreadPoolExecutor(6) as clients:
            sessions += clients.map(session, range(6))
        for got, listed in sessions:
            assert got == [content] * 5
            assert len(listed) == 5
            assert all("file.bin" in entry for entry in listed)


# WebSocket


class WebSocket:
    """
    As much of a client as an echo needs (RFC 6455).
    """

    def __init__(self, port: int) -> None:
        self.socket = connect(port)
        self.address = self.socket.getsockname()
        key = base64.b64encode(os.urandom(16))
        self.socket.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: %b\r\n\r\n" % (port, key)
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += exactly(self.socket, 1)
        assert head.startswith(b"HTTP/1.1 101 ")
        magic = key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        assert base64.b64encode(hashlib.sha1(magic).digest()) in head

    def send(self, message: bytes, opcode: int = 2) -> None:
        """
        One masked frame; binary by default.
        """
        size = len(message)
        if size < 126:
            length = bytes([0x80 | size])
        elif size < 65536:
            length = struct.pack("!BH", 0x80 | 126, size)
        else:
            length = struct.pack("!BQ", 0x80 | 127, size)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(message))
        self.socket.sendall(bytes([0x80 | opcode]) + length + mask + masked)

    def receive(self) -> bytes:
        """
        The payload of one frame.
        """
        _, size = exactly(self.socket, 2)
        if size == 126:
            (size,) = struct.unpack("!H", exactly(self.socket, 2))
        elif size == 127:
            (size,) = struct.unpack("!Q", exactly(self.socket, 8))
        return exactly(self.socket, size)

    def close(self) -> None:
        """
        The closing handshake, to its end.
        """
        self.send(struct.pack("!H", 1000), opcode=8)
        assert self.receive()[:2] == struct.pack("!H", 1000)
        assert self.socket.recv(1) == b""
        self.socket.close()


@pytest.mark.usefixtures("eitherWay")
def test_autobahnEchoes() -> None:
    """
    WebSockets that are open at the same time, on both workers, each get what is theirs.
    """
    port = freePort()
    with serving("--app=echosocket.factory", f"--listen=tcp:{port}") as cluster:
        sockets = [WebSocket(port) for _ in range(6)]
        greetings = [one.receive().decode().split() for one in sockets]
        assert {int(pid) for pid, _ in greetings} == set(cluster.workerPids())
        for (_, peer), one in zip(greetings, sockets, strict=True):
            assert peer == f"tcp4:127.0.0.1:{one.address[1]}"
        for size in (0, 5, 1000, 100_000):
            sent = [os.urandom(size) for _ in sockets]
            for one, message in zip(sockets, sent, strict=True):
                one.send(message)
            assert [one.receive() for one in sockets] == sent
        for one in sockets:
            one.close()


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """
    The files of a new key, and of its certificate for 127.0.0.1.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    keyFile, certFile = tmp_path / "key.pem", tmp_path / "cert.pem"
    keyFile.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certFile.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return keyFile, certFile


@pytest.mark.parametrize("way", ["tac", "tac, bound first", "app"])
def test_tlsIsSpokenByTheWorkers(certificate: tuple[Path, Path], way: str) -> None:
    """
    Connections of both workers are encrypted with the key that the endpoint names.
    """
    key, cert = certificate
    port = freePort()
    endpoint = f"ssl:{port}:privateKey={key}:certKey={cert}:interface=127.0.0.1"
    arguments = {
        "tac": ["-y", "stream.tac"],
        "tac, bound first": ["-y", "stream.tac", "--listen", endpoint],
        "app": ["--app=kinds.report", "--listen", endpoint],
    }[way]
    context = ssl.create_default_context(cafile=str(cert))
    with serving(*arguments, ENDPOINT=endpoint) as cluster:
        pids = set()
        for _ in range(8):
            with context.wrap_socket(
                connect(port), server_hostname="127.0.0.1"
            ) as client:
                assert client.version() == "TLSv1.3"
                pids.add(int(line(client)))
                if way == "app":
                    line(client), line(client)
                client.sendall(b"over TLS\n")
                assert line(client) == "over TLS"
        assert pids == set(cluster.workerPids())


# Datagrams


def test_datagramsAreAnswered() -> None:
    """
    Every datagram is answered once, by some worker.
    """
    port = freePort()
    with serving("-y", "datagrams.tac", PORT=str(port)) as cluster:
        for n in range(50):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(TIMEOUT)
                client.connect(("127.0.0.1", port))
                client.send(b"datagram %d" % n)
                pid, _, echo = client.recv(1000).partition(b" ")
                assert int(pid) in cluster.workerPids()
                assert echo == b"datagram %d" % n
                client.setblocking(False)
                with pytest.raises(BlockingIOError):
                    client.recv(1000)


# DNS


def test_twistdDNSAnswersOnBothTransports() -> None:
    """
    C{twistd dns} answers for its zone over UDP and over TCP, on one port number.
    """

    def question(number: int) -> bytes:
        message = dns.Message(number)
        message.addQuery("www.example.test", dns.A)
        return message.toStr()

    def check(answer: bytes, number: int) -> None:
        message = dns.Message()
        message.fromStr(answer)
        assert message.id == number
        assert message.auth
        (record,) = [answer.payload for answer in message.answers]
        assert isinstance(record, dns.Record_A)
        assert record.dottedQuad() == "192.0.2.7"

    port = freePort()
    where = ["--port", str(port), "--interface", "127.0.0.1"]
    with serving("dns", *where, "--pyzone", "zone.py"):
        for number in range(20):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(TIMEOUT)
                client.sendto(question(number), ("127.0.0.1", port))
                check(client.recv(1000), number)
            with connect(port) as client:
                asked = question(number)
                client.sendall(struct.pack("!H", len(asked)) + asked)
                (size,) = struct.unpack("!H", exactly(client, 2))
                check(exactly(client, size), number)


# UNIX sockets


@pytest.mark.parametrize(
    ("options", "mode", "locked"),
    [("", 0o666, True), (":mode=600", 0o600, True), (":lockfile=0", 0o666, False)],
)
def test_unixSocketLivesWithItsCluster(
    tmp_path: Path, options: str, mode: int, locked: bool
) -> None:
    """
    A UNIX socket has the mode asked for, both workers serve it, and it goes away, lock
    and all.
    """
    path, lock = tmp_path / "s", tmp_path / "s.lock"
    with serving("--app=kinds.report", f"--listen=unix:{path}{options}") as cluster:
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert os.path.lexists(lock) == locked
        pids = set()
        for _ in range(6):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(TIMEOUT)
                client.connect(str(path))
                pids.add(int(line(client)))
                assert line(client) == "UNIXAddress(None)"
                assert line(client) == f"UNIXAddress({str(path)!r})"
                client.sendall(b"echo")
                assert exactly(client, 4) == b"echo"
        assert pids == set(cluster.workerPids())
        assert cluster.stop() == 0
        assert not os.path.lexists(path)
        assert not os.path.lexists(lock)


def test_namedUNIXClientsAreKnown(tmp_path: Path) -> None:
    """
    A protocol sees the name of a client's socket, if that has one.
    """
    path, name = tmp_path / "s", tmp_path / "client"
    with serving("--app=kinds.report", f"--listen=unix:{path}", workers=1):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT)
            client.bind(str(name))
            client.connect(str(path))
            line(client)
            assert line(client) == f"UNIXAddress({str(name)!r})"


# IPv6


def hasIPv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not hasIPv6(), reason="needs ::1")
def test_addressesOfIPv6AreThePeers() -> None:
    """
    Over IPv6 a protocol sees its client's address and port, and its own.
    """
    port = freePort()
    listen = f"--listen=tcp:{port}:interface=\\:\\:1"
    with serving("--app=kinds.report", listen) as cluster:
        pids = set()
        for _ in range(6):
            with connect(port, "::1") as client:
                pids.add(int(line(client)))
                theirs = client.getsockname()[1]
                assert line(client) == IPV6.format(theirs)
                assert line(client) == IPV6.format(port)
        assert pids == set(cluster.workerPids())
