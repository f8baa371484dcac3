"""
What a worker says, and what it is answered.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import count

import pytest
from attrs import evolve
from twisted.internet.testing import MemoryReactorClock

from tests.logged import Logged, logging
from tests.wire.poor import fewDescriptors
from twisted_cluster.core import frames, messages
from twisted_cluster.core.codecs import codecNamed
from twisted_cluster.core.member import Post
from twisted_cluster.core.messages import Listening, Message
from twisted_cluster.events import TCP, ListenSpec
from twisted_cluster.policies.round_robin import RoundRobin
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.lives import conversation as module
from twisted_cluster.primary.lives.conversation import MESSAGES_A_TURN, Conversation
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.wires import Wires
from twisted_cluster.talk.ears import hearNothing
from twisted_cluster.wire.channel import Channel
from twisted_cluster.wire.descriptors import CONTROL, MAIL
from twisted_cluster.wire.handed import (
    METERED,
    SEEN,
    Handed,
    packRecord,
)
from twisted_cluster.wire.handoff import (
    Received,
    receive,
    send,
)

SPEC = ListenSpec(TCP, "127.0.0.1")


class Worker:
    """
    A worker's ends of its wires, and what the primary has heard of its life.

    @ivar heard: That.
    """

    id = 1
    name = "worker 1 (100)"

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.reactor = MemoryReactorClock()
        self.rooms = Rooms.make(self.reactor, RoundRobin, 0)
        self.wires = wires = Wires.make(0)
        self.hand = Hand(Post(1, 1), wires.page, wires.queue)
        codec = codecNamed("json")
        self.conversation = Conversation(self.rooms, wires, self.hand, codec, self)
        self.channel = Channel(wires.theirs[CONTROL].dup())
        self.mail = wires.theirs[MAIL].dup()
        wires.given()

    def born(self) -> None:
        self.heard.append("born")

    def online(self, isReady: bool) -> None:
        self.heard.append("online" if isReady else "online, not ready")

    def ready(self, isReady: bool) -> None:
        self.heard.append(("ready", isReady))

    def listening(self, where: Listening) -> None:
        self.heard.append(where.port)

    def leaving(self, planned: bool) -> None:
        self.heard.append(("leaving", planned))

    def lost(self) -> None:
        self.heard.append("lost")

    def kill(self) -> None:
        self.heard.append("kill")

    def say(self, *said: Message) -> None:
        for message in said:
            self.channel.send(message)
        self.conversation.read()

    def answer(self) -> messages.Answer:
        """
        The next answer, with which no socket comes.
        """
        message, fd = self.channel.receive()
        assert isinstance(message, messages.Answer)
        assert fd is None
        return message

    def close(self) -> None:
        self.conversation.close()
        self.rooms.listeners.closeAll()
        self.rooms.door.rest()
        self.wires.cut()
        self.channel.close()
        self.mail.close()


@pytest.fixture
def worker() -> Iterator[Worker]:
    """
    A worker that has said nothing yet.
    """
    made = Worker()
    yield made
    made.close()


def test_itsLifeIsTold(worker: Worker) -> None:
    """
    In the order in which it says it.
    """
    worker.say(
        messages.Born(),
        messages.Online(),
        messages.Listening(None, 8080, 4),
        messages.Ready(False),
        messages.Leaving(planned=True),
    )
    said = ["born", "online", 8080, ("ready", False), ("leaving", True)]
    assert worker.heard == said


def test_aStartIsNotOverBeforeItIsReady(worker: Worker) -> None:
    """
    A reactor that runs is not all.
    """
    worker.say(messages.Online(False), messages.Ready(True))
    assert worker.heard == ["online, not ready", ("ready", True)]


def test_listensAreAnswered(worker: Worker) -> None:
    """
    With what there is to say of the socket; asked for again it is in use.
    """
    worker.say(messages.Listen(1, SPEC))
    first = worker.answer()
    assert (first.question, first.errno) == (1, 0)
    name = worker.rooms.listeners.byNumber[first.listener].name
    assert isinstance(name, tuple)
    worker.say(messages.Listen(2, evolve(SPEC, port=name[1])))
    assert worker.answer().errno == errno.EADDRINUSE
    assert worker.heard == []


@pytest.mark.parametrize("interface", ["no such name", "\0", "x" * 400])
def test_whatCannotBeListenedOnIsAnswered(worker: Worker, interface: str) -> None:
    """
    Whatever it is that Python raises.
    """
    worker.say(messages.Listen(1, ListenSpec(TCP, interface)))
    assert worker.answer().errno != 0
    assert worker.heard == []


def test_unlistenedIsClosed(worker: Worker) -> None:
    """
    The answer comes when that is done.
    """
    worker.say(messages.Listen(1, SPEC))
    number = worker.answer().listener
    worker.say(messages.Unlisten(2, number))
    message, _ = worker.channel.receive()
    assert message == messages.Answer(2, number)
    assert worker.rooms.listeners.byNumber == {}


def test_aWorkerThatReadsNothingIsNotDead(worker: Worker) -> None:
    """
    Its answers wait until it does.
    """
    asked = 0
    while asked < 2000:
        worker.say(messages.Unlisten(asked, 99))
        asked += 1
    assert worker.heard == []
    numbers = []
    while len(numbers) < asked:
        try:
            numbers.append(worker.answer().question)
        except BlockingIOError:
            worker.reactor.advance(0.1)
    assert numbers == list(range(asked))


def test_aWorkerForWhichTooMuchWaitsIsKilled(worker: Worker, logged: Logged) -> None:
    """
    It asks without end, and reads nothing.
    """
    for number in range(6000):
        worker.say(messages.Unlisten(number, 99))
        if worker.heard:
            break
    assert worker.heard == ["kill"]
    assert "messages wait that nobody reads" in logged.texts()[0]


@pytest.mark.parametrize("said", [messages.Drain(1.0), messages.Answer(1)])
def test_whatAWorkerDoesNotSayIsItsEnd(
    worker: Worker, logged: Logged, said: Message
) -> None:
    """
    It is killed, and that is told.
    """
    worker.say(said)
    assert worker.heard == ["kill"]
    assert "a worker does not say" in logged.texts()[0]


@pytest.mark.parametrize("data", [b"", b"[", b'["Leaving", 1]', b"x" * 20_000])
def test_rubbishIsItsEnd(worker: Worker, logged: Logged, data: bytes) -> None:
    """
    It is killed, and that is told.
    """
    raw = socket.socket(fileno=os.dup(worker.channel.fileno()))
    raw.send(data)
    raw.close()
    worker.conversation.read()
    assert worker.heard == ["kill"]
    assert logged.texts()[0].endswith("; killed")


def test_soMuchIsReadInATurn(worker: Worker) -> None:
    """
    The rest in the next.
    """
    for _ in range(MESSAGES_A_TURN + 5):
        worker.channel.send(messages.Born())
    worker.conversation.read()
    assert len(worker.heard) == MESSAGES_A_TURN
    worker.conversation.read()
    assert len(worker.heard) == MESSAGES_A_TURN + 5


def test_aClosedChannelIsTold(worker: Worker) -> None:
    """
    What it has said before comes first.
    """
    worker.channel.send(messages.Leaving())
    worker.channel.close()
    worker.conversation.read()
    assert worker.heard == [("leaving", False), "lost"]


def test_afterTheEndNothingIsSaid(worker: Worker) -> None:
    """
    Nor is anything heard, and nothing stays open.
    """
    worker.channel.send(messages.Born())
    worker.conversation.close()
    worker.conversation.sayDrain(1.0)
    worker.conversation.read()
    assert worker.heard == []
    assert not worker.conversation.isOpen
    assert worker.reactor.getReaders() == []


def test_whatCannotBeTakenBackIsSaid(worker: Worker, logged: Logged) -> None:
    """
    Once a minute: the kernel has closed it, for no descriptor was free here.
    """
    ours, theirs = socket.socketpair()
    queue = worker.wires.queue.worker
    for _ in range(2):
        send(queue, [packRecord(1, ("192.0.2.1", 1), 1)], [ours.fileno()])
    ours.close()
    with fewDescriptors(0):
        worker.conversation.readReturned()
    assert theirs.recv(1) == b""
    theirs.close()
    [text] = logged.texts()
    assert text.startswith("no descriptor was free for 1 connections that came back")


@pytest.mark.parametrize("wrong", [SystemExit(3), ValueError("no"), KeyboardInterrupt()])
def test_aPolicyThatCannotBeMadeIsAnswered(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, wrong: BaseException
) -> None:
    """
    Who asks waits for it; the port is free again.
    """

    def fail() -> RoundRobin:
        raise wrong

    monkeypatch.setattr(worker.rooms.listeners._listeners, "newPolicy", fail)
    worker.say(messages.Listen(1, SPEC))
    assert worker.answer().errno == errno.EINVAL
    assert worker.rooms.listeners.byNumber == {}


@pytest.mark.parametrize("kind", ["file", "listening", "datagrams", "unix"])
def test_onlyConnectionsCanBeSentBack(worker: Worker, logged: Logged, kind: str) -> None:
    """
    Who sends something else is killed, and nobody else is given it.
    """
    with handed(worker) as [(_, record)], noConnection(kind) as fd:
        sendBack(worker, [record], [fd])
    assert worker.heard == ["kill"]
    assert waiting(worker) == []
    assert "sends back what is no connection" in str(logged.texts())


@pytest.mark.parametrize("forged", ["peer", "nonce", "again", "records"])
def test_onlyWhatItWasHandedCanBeSentBack(
    worker: Worker, logged: Logged, forged: str
) -> None:
    """
    Each once.
    """
    with handed(worker, 2) as [(served, record), (other, _)]:
        if forged == "peer":
            sendBack(worker, [record], [other])
        elif forged == "nonce":
            sendBack(worker, [record._replace(nonce=2)], [served])
        elif forged == "again":
            sendBack(worker, [record, record], [served, served])
        else:
            sendBack(worker, [record], [served, served])
    assert worker.heard == ["kill"]
    assert waiting(worker) == []
    [text] = [text for text in logged.texts() if text.endswith("; killed")]
    assert "it sends back" in text


def test_whatIsSentBackIsWhatItWas(worker: Worker) -> None:
    """
    A worker says neither whose it is, nor where it came in, nor how it counts, nor how
    often it has come back.
    """
    with handed(worker) as [(served, record)]:
        lie = Handed(-1, 77, ("10.0.0.1", 1), 9, 2**32 - 1, METERED, record.nonce)
        sendBack(worker, [lie], [served])
        (came,) = waiting(worker)
    assert came[1:] == (record.listener, record.name, 1, 0, SEEN, 0)


def test_whosePeerHasGoneIsClosed(worker: Worker) -> None:
    """
    That is nobody's fault.
    """
    with handed(worker) as [(_, record)], socket.socket() as broken:
        sendBack(worker, [record], [broken.fileno()])
    assert waiting(worker) == []
    assert worker.heard == []


def test_ofWhatIsSentBackSomeIsTakenInATurn(worker: Worker) -> None:
    """
    However many come in one message.
    """
    with handed(worker, 30) as some:
        for part in (some[:10], some[10:20], some[20:]):
            records = [packRecord(0, "", nonce=one.nonce) for _, one in part]
            send(worker.wires.queue.worker, records, [fd for fd, _ in part])
        worker.conversation.readReturned(15)
        assert len(waiting(worker)) == 20
        worker.conversation.readReturned(15)
        assert len(waiting(worker)) == 30
    assert worker.heard == []


def test_whatCameBeforeTheSystemHadNoMemoryIsKept(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It waits for another worker; the rest is read when there is some again.
    """
    isShort = False

    def receiveSome(queue: socket.socket) -> Received:
        nonlocal isShort
        if isShort:
            raise OSError(errno.ENOMEM, "no memory")
        isShort = True
        return receive(queue)

    with handed(worker, 2) as some:
        for fd, one in some:
            records = [packRecord(0, "", nonce=one.nonce)]
            send(worker.wires.queue.worker, records, [fd])
        with monkeypatch.context() as patched:
            patched.setattr(module, "receive", receiveSome)
            with pytest.raises(OSError, match="no memory"):
                worker.conversation.readReturned()
        assert len(waiting(worker)) == 1
        worker.conversation.readReturned()
        assert len(waiting(worker)) == 2
    assert worker.heard == []


def test_whoSendsBackWhatNoDescriptorIsLeftForIsNotToBlame(
    worker: Worker, logged: Logged
) -> None:
    """
    To look at it takes one more: it is closed, and that is said.
    """
    with handed(worker) as [(fd, one)]:
        with fewDescriptors(1):
            sendBack(worker, [one], [fd])
        assert waiting(worker) == []
    assert worker.heard == []
    assert "a connection that came back is closed" in logged.texts()[-1]


def test_afterNonsenseNothingIsDone(worker: Worker, logged: Logged) -> None:
    """
    It is killed once, and what it had said behind that is not heard.
    """
    worker.channel._socket.send(b"nonsense")
    worker.say(messages.Online())
    worker.conversation.read()
    assert worker.heard == ["kill"]


def test_aTurnIsShortWhateverItDoes(worker: Worker) -> None:
    """
    Messages that take long are fewer in a turn.
    """
    times = count(0.0, module.LONG)
    worker.reactor.seconds = lambda: next(times)
    worker.say(messages.Online(), messages.Online(), messages.Online())
    assert worker.heard == ["online", "online"]
    worker.conversation.read()
    assert worker.heard == ["online"] * 3


@contextmanager
def handed(worker: Worker, count: int = 1) -> Iterator[list[tuple[int, Handed]]]:
    """
    Connections that a worker has taken: the descriptor that it has of each, and the
    record.
    """
    worker.say(messages.Listen(1, SPEC))
    listener = worker.answer().listener
    worker.hand.page.headroom = 1000
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for _ in range(count):
            client = socket.create_connection(server.getsockname())
            stack.enter_context(client)
            served, name = server.accept()
            worker.hand.put(Handed(served.detach(), listener, name))
        assert worker.hand.flush() == []
        taken = receive(worker.wires.queue.worker).connections
        for one in taken:
            stack.callback(os.close, one.fd)
        yield [(one.fd, one._replace(fd=-1)) for one in taken]


def sendBack(worker: Worker, records: Sequence[Handed], fds: Sequence[int]) -> None:
    """
    A worker sends something back.
    """
    packed = [packRecord(*one[1:]) for one in records]
    send(worker.wires.queue.worker, packed, fds)
    worker.conversation.readReturned()


def waiting(worker: Worker) -> list[Handed]:
    """
    The connections that wait for a worker.
    """
    gates = worker.rooms.door.gates.values()
    return [one.connection for gate in gates for one in gate.room.lines]


@contextmanager
def noConnection(kind: str) -> Iterator[int]:
    """
    Something that is no connection of a TCP port.
    """
    if kind == "file":
        with open(os.devnull) as file:
            yield file.fileno()
    elif kind == "listening":
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield server.fileno()
    else:
        family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
        made = socket.SOCK_STREAM if kind == "unix" else socket.SOCK_DGRAM
        with socket.socket(family, made) as other:
            yield other.fileno()


def manyQuestions(worker: Worker) -> None:
    """
    It asks, until it is not read any more.
    """
    question = frames.packHead(frames.Frame(frames.ASK, body=b"1")) + b"1"
    hearNothing(worker.conversation.peer.ears)
    worker.mail.setblocking(False)
    mail = worker.conversation.peer.mail
    for _ in range(10_000):
        with suppress(BlockingIOError):
            worker.mail.send(question * 100)
        mail.doRead()
        worker.reactor.advance(0.1)
        mail.doWrite()
        if worker.conversation._unread is not None:
            return
    raise AssertionError("it is read on")


def test_whoReadsNoAnswersIsKilled(worker: Worker) -> None:
    """
    But one that may be at work, or reads at least something, is not.
    """
    manyQuestions(worker)
    with logging() as logged:
        # Its heart does not beat.
        worker.reactor.advance(module.UNREAD + 1)
        assert worker.heard == []
        worker.hand.page.heartbeat = time.monotonic_ns()
        worker.mail.recv(100_000)
        worker.conversation.peer.mail.doWrite()
        worker.reactor.advance(module.UNREAD + 1)
        assert worker.heard == []
        worker.hand.page.heartbeat = time.monotonic_ns()
        worker.reactor.advance(module.UNREAD + 1)
    assert worker.heard == ["kill"]
    assert "has read none of its answers for 30 s; killed" in "".join(logged.texts())


def test_whoReadsItsAnswersIsReadOn(worker: Worker) -> None:
    """
    However long it did not.
    """
    manyQuestions(worker)
    mail = worker.conversation.peer.mail
    while mail.waiting:
        worker.mail.recv(1 << 20)
        mail.doWrite()
    assert worker.conversation._unread is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (frames.Frame(frames.ANSWER, number=1), "it was not asked"),
        (frames.Frame(frames.MESSAGE, frames.ADVANCED), "its serialization, json"),
        (frames.Frame(frames.PUBLISH, frames.ADVANCED, 0, b"a"), "its serialization"),
        (frames.Frame(frames.ASK, 0, 1, b"extra"), "bytes of extra"),
        (frames.Frame(frames.MISSED, 0, 1), "does not say"),
    ],
    ids=lambda one: f"kind {one.kind}" if isinstance(one, frames.Frame) else "",
)
def test_whatNoWorkerSendsEndsIt(worker: Worker, said: frames.Frame, why: str) -> None:
    """
    And nothing is heard that it has sent behind.
    """
    behind = frames.packHead(frames.Frame(frames.SUBSCRIBE, 0, 0, b"topic"))
    hearNothing(worker.conversation.peer.ears)
    worker.mail.send(frames.packHead(said) + behind)
    with logging() as logged:
        worker.conversation.peer.mail.doRead()
    assert worker.heard == ["kill"]
    assert why in "".join(logged.texts())
    assert worker.rooms.exchange._topics == {}
