"""
Handing over, and UNIX sockets: sections 2e and 2f of the catalogue.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.conformance.acting import act, told
from tests.conformance.rows import row

pytestmark = pytest.mark.process


@row(
    "C90",
    behaviour="accept fails in the primary: nothing reaches a worker, service goes on.",
    ours="the client waits in the backlog, and is served when accept works again",
    difference="Node skips it",
)
def test_C90_acceptMayFail(tmp_path: Path) -> None:
    """
    A primary without a free descriptor; a client that comes then, one that comes later.
    """
    script = act(
        """
        import resource, socket
        if cluster.isWorker:
            listen()
        else:
            async def scene():
                info = await cluster.fork().when("listening")
                waiting = socket.socket()
                _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
                resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
                taken = []
                try:
                    while True:
                        taken.append(os.dup(0))
                except OSError as full:
                    say("full", errno=full.errno)
                waiting.connect(("127.0.0.1", info.port))
                await task.deferLater(reactor, 0.2, lambda: None)
                for fd in taken:
                    os.close(fd)
                waiting.setblocking(False)
                def heard():
                    try:
                        return waiting.recv(10)
                    except BlockingIOError:
                        return b""
                data = b""
                while not data:
                    await nextTurn()
                    data = heard()
                say("waiting", by=data.decode())
                say("later", by=await fetch(info.port))
                await cluster.disconnect()
            from twisted.internet import task
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("full")["errno"] == 24
    assert script.the("waiting")["by"] == "1"
    assert script.the("later")["by"] == "1"


@row(
    "C93",
    behaviour="A full worker with the drop flag accepts and closes.",
    ours="the option dropMaxConnections; port.dropped counts",
    difference="a counter instead of an event",
)
def test_C93_aFullWorkerMayDrop(tmp_path: Path) -> None:
    """
    Who is beyond the limit sees the end at once; who is within is served.
    """
    script = act(
        """
        if cluster.isWorker:
            port = listen(Holder, maxConnections=1, dropMaxConnections=True)
            cluster.worker.answer(lambda question: port.dropped)
        else:
            async def scene():
                worker = cluster.fork()
                info = await worker.when("listening")
                first = await connect(info.port)
                await first.heard
                say("others", heard=[await fetch(info.port) for _ in range(3)])
                say("dropped", count=await worker.ask("dropped"))
                first.transport.loseConnection()
                await first.ended
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("others")["heard"] == [""] * 3
    assert script.the("dropped")["count"] == 3


@row(
    "C95",
    behaviour="A listening worker stays alive.",
    ours="a worker stays until its reactor stops, listening or not",
    difference="Twisted's reactor does not end when it has nothing to do",
)
def test_C95_aWorkerStays(tmp_path: Path) -> None:
    """
    Both answer a question after everything else has been done.
    """
    script = act(
        """
        if cluster.isWorker:
            cluster.worker.id == 1 and listen()
            cluster.worker.answer(lambda question: cluster.worker.id)
        else:
            async def scene():
                workers = [cluster.fork() for _ in range(2)]
                await workers[0].when("listening")
                await gatherResults([w.ask("first") for w in workers])
                await until(lambda: True)
                say("alive", ids=[await w.ask("second") for w in workers])
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert script.the("alive")["ids"] == [1, 2]


@row(
    "C97",
    behaviour="Closing the worker's server calls back, once.",
    ours="stopListening's Deferred fires once; a second stopListening is harmless",
)
def test_C97_closingIsToldOnce(tmp_path: Path) -> None:
    """
    And the port is closed then.
    """
    script = act(
        """
        if cluster.isWorker:
            port = listen()
            def close(message):
                Deferred.fromCoroutine(closing())
            async def closing():
                await port.stopListening()
                tell("closed", 1)
                port.stopListening()
                tell("closed", 2)
            cluster.worker.on("message", close)
        else:
            async def scene():
                worker = cluster.fork()
                info = await worker.when("listening")
                worker.send("close")
                await worker.when("message")
                try:
                    await fetch(info.port)
                except error.ConnectionRefusedError:
                    say("refused")
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    assert told(script, "closed") == [(1, 1), (1, 2)]
    script.the("refused")


UNIX = """
    from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
    from tests.conformance.prelude import Client

    async def ask(path, question=b""):
        endpoint = UNIXClientEndpoint(reactor, path)
        client = await connectProtocol(endpoint, Client())
        client.transport.write(question)
        return (await client.ended).decode()
    """


@row(
    "C100",
    behaviour="HTTP over a clustered UNIX socket.",
    ours="the same; the peer's address is an empty UNIXAddress, as stock",
)
def test_C100_HTTPOverUNIX(tmp_path: Path) -> None:
    """
    Both workers answer, and know where they are.
    """
    script = act(
        UNIX
        + """
    if cluster.isWorker:
        from twisted.web.resource import Resource
        from twisted.web.server import Site
        class Page(Resource):
            isLeaf = True
            def render_GET(self, request):
                transport = request.channel.transport
                return repr([cluster.worker.id, transport.getHost().name,
                             transport.getPeer().name]).encode()
        reactor.listenUNIX("http", Site(Page()))
    else:
        async def scene():
            workers = [cluster.fork() for _ in range(2)]
            await gatherResults([w.when("listening") for w in workers])
            for _ in range(4):
                answer = await ask("http", b"GET / HTTP/1.0\\r\\n\\r\\n")
                say("answer", text=answer.splitlines()[-1])
            await cluster.disconnect()
        play(scene)
    reactor.run()
    """,
        tmp_path,
    )
    answers = sorted(event["text"] for event in script.of("answer"))
    assert answers == sorted(f"[{n}, b'http', None]" for n in (1, 1, 2, 2))


@row(
    "C101",
    behaviour="The mode that is asked for is set by the primary.",
    ours="listenUNIX's mode",
    difference="one number instead of readableAll and writableAll",
)
def test_C101_theModeIsSet(tmp_path: Path) -> None:
    """
    The first worker's counts.
    """
    script = act(
        """
        if cluster.isWorker:
            factory = Factory.forProtocol(Greeter)
            mode = 0o777 if cluster.worker.id == 1 else 0o600
            reactor.listenUNIX("socket", factory, mode=mode)
        else:
            async def scene():
                for _ in range(2):
                    await cluster.fork().when("listening")
                    say("mode", mode=os.stat("socket").st_mode)
                await cluster.disconnect()
            play(scene)
        reactor.run()
        """,
        tmp_path,
    )
    modes = [stat.S_IMODE(event["mode"]) for event in script.of("mode")]
    assert modes == [0o777, 0o777]


@row(
    "C102",
    behaviour="A relative path is relative to the worker's directory, also where the "
    "absolute one is too long; the file goes with its last user.",
    ours="the same",
)
def test_C102_relativePathsAreTheWorkers(tmp_path: Path) -> None:
    """
    Deep below, so that the absolute path does not fit into a socket's name.
    """
    deep = tmp_path.joinpath(*["d" * 40] * 4)
    deep.mkdir(parents=True)
    script = act(
        UNIX
        + """
    if cluster.isWorker:
        reactor.listenUNIX("socket", Factory.forProtocol(Greeter))
    else:
        async def scene():
            cluster.setupPrimary(cwd=sys.argv[1])
            infos = [await cluster.fork().when("listening") for _ in range(2)]
            os.chdir(sys.argv[1])
            say("info", paths=[info.address for info in infos], ports=infos[0].port)
            say("served", by=sorted([await ask("socket") for _ in range(4)]))
            await cluster.disconnect()
            say("left", files=os.listdir("."))
        play(scene)
    reactor.run()
    """,
        tmp_path,
        arguments=[str(deep)],
    )
    path = os.path.join(os.path.realpath(deep), "socket")
    assert script.the("info")["paths"] == [path, path]
    assert script.the("info")["ports"] == -1
    assert script.the("served")["by"] == ["1", "1", "2", "2"]
    assert script.the("left")["files"] == []
