"""
Users' messages.
"""

from __future__ import annotations

from textwrap import dedent

from tests.intrusions.case import Intrusion

# The stream, whose other end reads no answers.
STREAM = """
MESSAGE, ASK, PUBLISH, SUBSCRIBE = 1, 2, 5, 6
from twisted_cluster import cluster

# The reactor's removeAll() leaves it.
mail, stopped = cluster.worker._peer.mail, threading.Event()
reactor.callFromThread(lambda: (mail.pause(), stopped.set()))
stopped.wait()
end = time.monotonic() + 1.0


def send(data, isLong=False):
    rest = memoryview(data)
    while rest and (isLong or time.monotonic() < end):
        rest = rest[say(MAIL, rest):]


"""


def _code(text: str) -> str:
    return STREAM + dedent(text)


CASES: list[Intrusion] = [
    Intrusion(
        name="it sends messages without end that nobody hears",
        code=_code("""
        some = frame(MESSAGE, body=b"1") * 5000
        while time.monotonic() < end:
            send(some)
        """),
    ),
    Intrusion(
        name="it sends a message of 200 MB that nobody hears",
        code=_code("""
        send(struct.pack("<BBHIIQ4x", 1, MESSAGE, 0, 0, 200 << 20, 0))
        chunk = b"[" * (1 << 20)
        for _ in range(200):
            send(chunk, isLong=True)
        """),
    ),
    Intrusion(
        name="it asks without end, and reads no answer",
        code=_code("""
        some = b"".join(frame(ASK, body=b"1", number=n) for n in range(1, 5000))
        while time.monotonic() < end:
            send(some)
        """),
        seconds=1.0,
        hangs=True,
    ),
    Intrusion(
        name="it subscribes to topics without end",
        code=_code("""
        for n in range(10**6):
            topics = (b"%d" % m + b"x" * 1000 for m in range(n * 100, n * 100 + 100))
            some = b"".join(frame(SUBSCRIBE, extra=topic) for topic in topics)
            send(some, isLong=True)
        """),
        said="it subscribes to topics that take more than 16777216 bytes",
    ),
    Intrusion(
        name="it publishes to itself without end, and reads nothing",
        code=_code("""
        send(frame(SUBSCRIBE, extra=b"mine"))
        some = frame(PUBLISH, extra=b"mine", body=b'"x"') * 1000
        long = frame(PUBLISH, extra=b"mine", body=b'"%s"' % (b"x" * 1_000_000))
        while time.monotonic() < end:
            send(some)
            send(long)
        """),
    ),
    Intrusion(
        name="it sends what is no frame",
        code=_code("""
        send(bytes(1000))
        """),
        said="version",
    ),
    Intrusion(
        name="it sends descriptors with messages that nobody hears",
        code=_code("""
        pipe, _ = os.pipe()
        for _ in range(2000):
            say(MAIL, frame(MESSAGE, flags=1, body=b"1"), [pipe])
        """),
    ),
]
