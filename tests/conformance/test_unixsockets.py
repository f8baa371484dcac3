"""
UNIX sockets: section 2f of the catalogue.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.rows import row
from tests.conformance.scripts import run

pytestmark = pytest.mark.process


@row(
    "C100",
    behaviour="HTTP over a shared UNIX socket; the peer has no address.",
    ours="the same: a UNIXAddress without a name",
)
def test_C100_httpOverAUNIXSocket(tmp_path: Path) -> None:
    """
    A worker's Site answers, and the event has Node's values.
    """
    script = run(
        """
        from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
        from twisted.web.resource import Resource
        from twisted.web.server import Site
        from tests.conformance.serving import *

        class Peer(Resource):
            isLeaf = True

            def render_GET(self, request):
                return repr(request.getClientAddress().name).encode()

        if cluster.isWorker:
            reactor.listenUNIX("http.sock", Site(Peer()))
        else:
            @play
            async def scene():
                info = await cluster.fork().when("listening")
                where = UNIXClientEndpoint(reactor, "http.sock")
                client = await connectProtocol(where, Client())
                client.transport.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
                head, _, body = (await client.ended).partition(b"\\r\\n\\r\\n")
                say("told", status=head.split(b"\\r\\n")[0].decode(), peer=body.decode(),
                    path=info.address == os.path.abspath("http.sock"),
                    info=[info.port, info.addressType])

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert told["status"].endswith("200 OK")
    assert told["peer"] in ("None", "''", "b''")
    assert told["path"]
    assert told["info"] == [-1, -1]


@row(
    "C101",
    behaviour="The primary gives a UNIX socket the mode that the worker asks for.",
    ours="the same: listenUNIX(..., mode=0o777)",
)
def test_C101_modeOfAUNIXSocket(tmp_path: Path) -> None:
    """
    Whatever the umask says.
    """
    script = run(
        """
        from tests.conformance.serving import *

        MODES = {"default": None, "all": 0o777, "own": 0o600}
        if cluster.isWorker:
            for name, mode in MODES.items():
                options = {} if mode is None else {"mode": mode}
                reactor.listenUNIX(name, Factory.forProtocol(Greeter), **options)
            tell("up")
        else:
            os.umask(0o077)

            @play
            async def scene():
                await Inbox(cluster.fork()).next()
                say("told", **{name: os.stat(name).st_mode & 0o777 for name in MODES})

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert (told["default"], told["all"], told["own"]) == (0o666, 0o777, 0o600)


@row(
    "C102",
    behaviour="A relative path is relative to the worker's directory, and may be used "
    "where the absolute one is too long; the file goes with the worker.",
    ours="the same",
)
def test_C102_relativePath(tmp_path: Path) -> None:
    """
    In a directory whose path is longer than a UNIX socket's name may be.
    """
    script = run(
        """
        from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
        from tests.conformance.serving import *

        if cluster.isWorker:
            reactor.listenUNIX("a.sock", Factory.forProtocol(Greeter))
        else:
            deep = os.path.abspath("d" * 110)
            os.mkdir(deep)
            cluster.setupPrimary(cwd=deep)

            @play
            async def scene():
                worker = cluster.fork()
                info = await worker.when("listening")
                there = os.open(deep, os.O_RDONLY)
                where = UNIXClientEndpoint(reactor, f"/proc/self/fd/{there}/a.sock")
                client = await connectProtocol(where, Client())
                answer = (await client.ended).decode()
                os.close(there)
                worker.disconnect()
                await worker.when("exit")
                say("told", address=info.address == f"{deep}/a.sock", answer=answer,
                    left=os.listdir(deep))

        reactor.run()
        """,
        tmp_path,
    )
    told = script.the("told")
    assert told["address"]
    assert told["answer"] == "1"
    assert told["left"] == []
