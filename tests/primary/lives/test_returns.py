"""
What a worker sends back.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from tests.logged import Logged
from tests.primary.lives.speaking import SPEC, Worker
from tests.wire.poor import fewDescriptors
from twisted_cluster.core import messages
from twisted_cluster.primary.lives import returns as module
from twisted_cluster.wire.handed import METERED, SEEN, Handed, packRecord
from twisted_cluster.wire.handoff import Received, receive, send


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
        worker.conversation.returns.read()
    assert theirs.recv(1) == b""
    theirs.close()
    [text] = logged.texts()
    assert text.startswith("no descriptor was free for 1 connections that came back")


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
        worker.conversation.returns.read(15)
        assert len(waiting(worker)) == 20
        worker.conversation.returns.read(15)
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
                worker.conversation.returns.read()
        assert len(waiting(worker)) == 1
        worker.conversation.returns.read()
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
    worker.conversation.returns.read()


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
