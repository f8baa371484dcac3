"""
Clients who mean harm, where the primary looks at what they send: others are served.
"""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.intrusions.innocents import Innocents
from tests.intrusions.report import errorsIn, sizeOf
from tests.process.cluster import eventually
from tests.process.hostile import hostile
from tests.process.odd import everything
from tests.process.trouble import manyClients
from twisted_cluster.testing import clientHello, httpHead, proxyHeader

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

# What nobody else's client may have to wait for longer; a silent one is waited for a
# second, and costs others nothing.
LONG = 0.9
GROUPS = ("--group=one=1", "--group=two=2")
RESET = struct.pack("ii", 1, 0)
HELLO = clientHello("a.example")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PARSED = [
    HELLO,
    HELLO[:40],
    # Records, messages and lists that are longer than what holds them, or empty.
    b"\x16\x03\x01\xff\xff" + HELLO[5:],
    HELLO[:5] + b"\x01\xff\xff\xff" + HELLO[9:],
    b"\x16\x03\x01\0\0" * 3000,
    b"\x16\x03\x01\0\x01\x01" * 3000,
    HELLO[:43] + b"\xff" * 200,
    proxyHeader("192.0.2.1"),
    proxyHeader("192.0.2.1") * 3,
    b"PROXY TCP4 " + b"9" * 200,
    b"PROXY TCP4 1.2.3 4.5.6 99999 -1\r\n",
    b"PROXY TCP6 ::%lo ::1 1 1\r\n",
    SIGNATURE + b"\x21\x11\xff\xff",
    SIGNATURE + b"\x21\x11\0\0",
    SIGNATURE + b"\xff\xff\0\x0c" + bytes(12),
    httpHead("/" + "a" * 70_000),
    httpHead(headers={f"X-{n}": "x" * 50 for n in range(1500)}),
    httpHead(headers={"Cookie": "sid=" + ";sid=" * 9000}),
    b"GET " + b" " * 70_000,
    b"GET /\xff\xfe%00%zz HTTP/1.1\r\nHost: \0\r\nHost: b\r\n\r\n",
    b"\r\n" * 30_000,
    bytes(70_000),
    b"\xff" * 70_000,
]


def leaveIt(client: socket.socket) -> None:
    """
    Stay, silently.
    """


def endIt(client: socket.socket) -> None:
    """
    Send no more, and stay.
    """
    client.shutdown(socket.SHUT_WR)


def resetIt(client: socket.socket) -> None:
    """
    Go without a word.
    """
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()


def urge(client: socket.socket) -> None:
    """
    A byte out of turn.
    """
    client.send(b"!", socket.MSG_OOB)


WAYS: list[Callable[[socket.socket], None]] = [leaveIt, endIt, resetIt, urge]


def harm(port: int, isOver: Event) -> None:
    """
    Send each of these in each way, whole, in part, or byte by byte, again and again.
    """
    chance, open_ = random.Random(1), list[socket.socket]()
    while not isOver.is_set():
        client, sent = socket.socket(), chance.choice(PARSED)
        with suppress(OSError):
            client.settimeout(0.2)
            client.connect(("127.0.0.1", port))
            client.setblocking(False)
            if chance.random() < 0.3:
                for at in range(min(len(sent), 300)):
                    client.send(sent[at : at + 1])
            else:
                client.send(sent[: chance.randrange(len(sent) + 1)])
            chance.choice(WAYS)(client)
        open_.append(client)
        if len(open_) > 60:
            open_.pop(0).close()
        isOver.wait(0.004)
    for client in open_:
        client.close()


@contextmanager
def harmed(port: int) -> Iterator[None]:
    """
    While a C{with} block lasts.
    """
    isOver = Event()
    thread = Thread(target=harm, args=[port, isOver])
    thread.start()
    try:
        yield
    finally:
        isOver.set()
        thread.join()


@pytest.mark.parametrize(
    "policy",
    [
        "route:by=sni,a.example=one,default=two",
        "route:by=path,/a/*=one,default=two",
        "sticky:by=cookie,name=sid,proxy=yes",
    ],
)
def test_whatClientsSendHarmsNoOthers(tmp_path: Path, policy: str) -> None:
    """
    Garbage for each parser of the primary, cut, slow, half-closed, reset, out of turn:
    not one other client fails, or waits, and nothing is left of it.
    """
    with (
        hostile(tmp_path, f"--policy={policy}", *GROUPS) as (cluster, port),
        Innocents(port) as innocents,
    ):
        before = sizeOf(cluster)
        with harmed(port):
            eventually(lambda: len(innocents.requests) > 80, "they are served")
        waits = [each.wait for each in innocents.requests]
        assert [each for each in innocents.requests if not each.pid] == []
        assert max(waits) < LONG
        eventually(
            lambda: sizeOf(cluster).descriptors <= before.descriptors, "all are closed"
        )
        assert sizeOf(cluster).rss < before.rss + (16 << 20)
        assert cluster.online() == 2
        assert errorsIn(cluster.output()) == []


def test_theSilentHoldNobodyUp(tmp_path: Path) -> None:
    """
    More than are looked at for first bytes, at once, who stay: a quarter of the primary's
    descriptors at most is theirs.
    """
    more = ["--policy=route:by=path,/a/*=one,default=two", *GROUPS]
    with hostile(tmp_path, *more, descriptors=400) as (cluster, port):
        with manyClients(port, 250), Innocents(port) as innocents:
            eventually(lambda: len(innocents.requests) > 60, "they are served")
        assert [each for each in innocents.requests if not each.pid] == []
        assert max(each.wait for each in innocents.requests) < LONG
        assert errorsIn(cluster.output()) == []


@contextmanager
def lingering() -> Iterator[socket.socket]:
    """
    A connection that takes ten seconds to close, for what it has sent is not read.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        sent = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
    with peer, sent:
        sent.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                sent.send(bytes(65536))
        ten = struct.pack("ii", 1, 10)
        sent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ten)
        yield sent


@pytest.mark.parametrize(("way", "heard"), [("refuse", b""), ("shed", b"HTTP/1.1 503")])
def test_whatUNIXClientsSendAlongHoldsNobodyUp(
    tmp_path: Path, way: str, heard: bytes
) -> None:
    """
    Descriptors that take long to close, to a primary that turns these clients away.
    """
    path = str(tmp_path / "socket")
    more = [f"--listen=unix:{path}", f"--max-connections=unix:{path}=1"]
    with (
        ExitStack() as opened,
        hostile(tmp_path, *more, f"--at-limit={way}") as (cluster, port),
        Innocents(port) as innocents,
    ):
        opened.enter_context(socket.socket(socket.AF_UNIX)).connect(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            assert everything(client)[: len(heard)] == heard
        before = sizeOf(cluster)
        for _ in range(10):
            client = opened.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(path)
            sent = opened.enter_context(lingering())
            try:
                socket.send_fds(client, [b"GET /"], [sent.fileno()])
            except BrokenPipeError:
                # The other end is closed already: this is the last one who has it.
                sent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sent.close()
            client.settimeout(5.0)
            assert everything(client)[: len(heard)] == heard
        eventually(lambda: len(innocents.requests) > 40, "they are served")
        assert [each for each in innocents.requests if not each.pid] == []
        assert max(each.wait for each in innocents.requests) < LONG
        eventually(
            lambda: sizeOf(cluster).descriptors <= before.descriptors, "all are closed"
        )
