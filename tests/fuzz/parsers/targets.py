"""
The parsers of what others say, and what is to be true of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from typing import Protocol

from attrs import frozen
from twisted.web.http import parse_qs

from twisted_cluster.admin.arguments import ArgumentError, Arguments
from twisted_cluster.core import codecs, messages
from twisted_cluster.core.frames import ADVANCED, FrameReader
from twisted_cluster.core.http_head import Head, parseHead
from twisted_cluster.core.peeking import MORE
from twisted_cluster.core.proc_net import internetSockets, namedIn, unixSockets
from twisted_cluster.core.process_status import ProcessStatus
from twisted_cluster.core.proxy import parseProxy
from twisted_cluster.core.records import readRecord
from twisted_cluster.core.stacks import mainFrames
from twisted_cluster.core.tls import parseClientHello
from twisted_cluster.errors import MessageError
from twisted_cluster.events import TCP, UDP, ListenSpec
from twisted_cluster.logs.lines import jsonLine, textLine
from twisted_cluster.primary.lives.events import eventOf
from twisted_cluster.primary.lives.failures import WorkerFailure
from twisted_cluster.testing import clientHello
from twisted_cluster.wire import handed

# What a frame may have here.
LONGEST_FRAME = 4096


class Looks(Protocol):
    """
    Looks at the first bytes of a connection.
    """

    def __call__(self, first: bytes, /) -> object: ...


@frozen
class Target:
    """
    @ivar parse: Is given any bytes; raises only what C{accepts} says, for what is none.
    @ivar accepts: The errors that it may raise.
    @ivar seeds: What is right.
    @ivar longest: So many bytes it may be given.
    """

    parse: Callable[[bytes], object]
    accepts: tuple[type[Exception], ...] = ()
    seeds: tuple[bytes, ...] = ()
    longest: int = 4096

    def __call__(self, data: bytes) -> None:
        """
        Parse.

        @raise Exception: What it may not raise.
        """
        try:
            self.parse(data[: self.longest])
        except self.accepts:
            pass


def _message(data: bytes) -> None:
    said = messages.decode(data)
    assert messages.decode(messages.encode(said)) == said


def _pieces(data: bytes) -> Iterator[bytes]:
    size = data[0] + 1 if data else 1
    return (data[at : at + size] for at in range(1, len(data), size))


def _frames(data: bytes) -> None:
    """
    The same, in whatever pieces they come.
    """
    assert _feed([data[1:]]) == _feed(_pieces(data))


def _feed(pieces: object) -> tuple[list[object], bool]:
    reader, found = FrameReader(LONGEST_FRAME), []
    try:
        for piece in pieces:  # type: ignore[attr-defined]
            found += [
                frame._replace(body=bytes(frame.body)) for frame in reader.feed(piece)
            ]
    except MessageError:
        # How many of those before it have been given is another affair.
        return [], True
    return found, False


def _advanced(data: bytes) -> None:
    codecs.codecOf(ADVANCED).decode(data)


def _event(data: bytes) -> None:
    """
    What is accepted can be written, in every form.
    """
    event = eventOf(readRecord(data), len(data))
    event.update(cluster_worker=1, cluster_system="-", log_system="worker 1")
    for line in (textLine(dict(event)), jsonLine(dict(event))):
        assert line.isascii() or line.encode("utf-8")
        assert line.count("\n") <= 1 or "\n" in textLine(dict(event))
    json.loads(jsonLine(dict(event)) or "{}")


def _failure(data: bytes) -> None:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return
    failure = WorkerFailure.told(told)
    failure.getErrorMessage()
    failure.getTraceback()
    failure.printDetailedTraceback(StringIO())


def _records(data: bytes) -> None:
    whole = data[: len(data) - len(data) % handed.RECORD.size]
    handed.unpackAll(whole, range(len(whole) // handed.RECORD.size))


def _looking(parse: Looks) -> Callable[[bytes], None]:
    """
    What is said of a part is not taken back when more comes.
    """

    def look(data: bytes) -> None:
        whole = parse(data)
        for size in (len(data) // 2, len(data) - 1):
            part = parse(data[: max(0, size)])
            assert part is MORE or part == whole, (part, whole)

    return look


def _head(data: bytes) -> None:
    _looking(parseHead)(data)
    found = parseHead(data)
    if isinstance(found, Head):
        assert found.path.startswith(("/", "*")) or not found.path
        found.query("a")
        found.cookie("a")
        found.header("host")


def _sockets(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    taken = [*unixSockets(text)]
    for kind in (TCP, UDP):
        for order in ("little", "big"):
            taken += internetSockets(kind, text, order)
    list(map(str, namedIn([text], taken)))


def _arguments(data: bytes) -> None:
    given = parse_qs(data, 1)
    found = Arguments(given, ("for", "step", "name"))
    str(found)
    found.isSet("step")
    found.number("for", 30.0, 0.0, 100.0)
    found.need("name")


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("utf-8", "backslashreplace"))


def _recordOf(**fields: object) -> bytes:
    event = {"log_level": "info", "log_namespace": "shop", "log_time": 1.8e9, **fields}
    return json.dumps({"version": 2, "event": event}).encode()


TOLD = {
    "module": "builtins",
    "name": "ValueError",
    "value": "no",
    "parents": ["builtins.ValueError"],
    "frames": [["f", "x.py", 3, [["a", "1"]], []]],
    "text": "Traceback: no",
}
TCP_TABLE = (
    b"  sl  local_address rem_address   st\n"
    b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0"
    b"        0 7105 1\n"
)
UNIX_TABLE = (
    b"Num       RefCount Protocol Flags    Type St Inode Path\n"
    b"0000000000000000: 00000002 00000000 00010000 0001 01 7106 /run/x\n"
)
STATUS = b"Name:\tx\nState:\tS (sleeping)\nTracerPid:\t0\nSigCgt:\t0000000180004202\n"
STACKS = b'Current thread 0x1 (most recent call first):\n  File "/x.py", line 3 in f\n'
SAID = (
    messages.Listen(1, ListenSpec(TCP, "127.0.0.1", 80), room=3),
    messages.Online(),
    messages.Listening(None, 80, 4),
    messages.Limit(1, 7),
    messages.Leaving(),
)
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

TARGETS: Mapping[str, Target] = {
    "messages": Target(
        _message,
        (MessageError,),
        tuple(map(messages.encode, SAID)),
        20_000,
    ),
    "frames": Target(
        _frames,
        seeds=(
            b"\x05" + b"\1\1\0\0" + bytes(4) + b"\1" + bytes(15) + b"1",
            b"\x40" + b"\1\5\0\0\1\0\0\0\2\0\0\0" + bytes(12) + b"t12",
        ),
    ),
    "json": Target(
        codecs.JSON.decode, (MessageError,), (b'{"a": [1, 2.5, null]}', b' "\\ud800"')
    ),
    "cbor": Target(
        _advanced,
        (MessageError,),
        (b"\xa1\x61a\x81\x01", b"\xd8\x1c\x81\xd8\x1d\x00", b"\xc2\x42\x01\x02"),
    ),
    "events": Target(
        _event,
        (MessageError,),
        (
            _recordOf(log_format="plain"),
            _recordOf(log_format="{a}", log_flattened={"a!s:": "x"}),
            _recordOf(log_format="x", log_failure={"__cluster_failure__": TOLD}),
            _recordOf(log_format="{log_text}", log_text="\ud800", log_level="warn"),
            _recordOf(log_namespace="log_legacy", message=["x"], isError=1, system="-"),
        ),
        65_536,
    ),
    "failures": Target(_failure, (MessageError,), (json.dumps(TOLD).encode(),)),
    "handoff": Target(_records, seeds=(handed.packRecord(1, ("127.0.0.1", 80)),)),
    "proxy": Target(
        _looking(parseProxy),
        seeds=(
            b"PROXY TCP4 192.0.2.1 192.0.2.2 7 80\r\n",
            b"PROXY UNKNOWN\r\n",
            SIGNATURE
            + b"\x21\x11\0\x0c"
            + bytes([192, 0, 2, 9, 10, 0, 0, 1, 4, 1, 0, 80]),
            SIGNATURE + b"\x20\0\0\0",
        ),
        longest=20_000,
    ),
    "tls": Target(
        _looking(parseClientHello),
        seeds=(clientHello("a.example"), clientHello(None)),
        longest=20_000,
    ),
    "http": Target(
        _head,
        seeds=(
            b"GET /a%20b?a=1 HTTP/1.1\r\nHost: a.example\r\nCookie: a=1\r\n\r\n",
            b"GET http://a.example/ HTTP/1.0\n\n",
        ),
        longest=20_000,
    ),
    "sockets": Target(_sockets, seeds=(TCP_TABLE, UNIX_TABLE)),
    "status": Target(_text(ProcessStatus.parse), (ValueError,), (STATUS,)),
    "stacks": Target(_text(mainFrames), seeds=(STACKS,), longest=65_536),
    "arguments": Target(
        _arguments, (ArgumentError,), (b"for=3&step=25%25&name=x", b"name=1")
    ),
}
