"""
A worker, as the primary that forked it sees it.
"""

from __future__ import annotations

import signal as signals

from attrs import frozen

from twisted_cluster.api.emitter import Emitter
from twisted_cluster.api.settings import signalNumber
from twisted_cluster.api.streams import Stream, Streams
from twisted_cluster.api.workers import BaseWorker
from twisted_cluster.core.codecs import Payload
from twisted_cluster.core.messages import Listening
from twisted_cluster.primary.lives.process import WorkerProcess
from twisted_cluster.talk.handles import Handle


@frozen
class ListeningInfo:
    """
    Where a worker listens, in Node's words.

    @ivar address: The interface that was asked for, or a UNIX socket's absolute path;
        L{None} if no interface was.
    @ivar port: The real one; -1 for a UNIX socket.
    @ivar addressType: 4, 6, C{"udp4"}, C{"udp6"}, or -1 for a UNIX socket.
    @ivar fd: The primary's descriptor that was asked for, L{None} if none was; -1 for
        UDP.
    """

    address: str | None
    port: int
    addressType: int | str
    fd: int | None

    @classmethod
    def of(cls, told: Listening) -> ListeningInfo:
        """
        What a worker has told.
        """
        return cls(told.address, told.port, told.addressType, told.fd)


class Process:
    """
    A worker's process.

    @ivar exitCode: What it ended with; L{None} before, if a signal ended it, and if the
        system cannot kill it, so that it is left behind.
    @ivar signalCode: The signal that ended it, such as C{"SIGKILL"}; else L{None}.
    @ivar stdio: For each of its first descriptors the L{Stream} at this end, where the
        settings ask for a pipe; else L{None}.
    """

    def __init__(self) -> None:
        self.exitCode: int | None = None
        self.signalCode: str | None = None
        self.stdio: list[Stream | None] = [None] * 3
        self.worker: WorkerProcess | None = None

    @property
    def pid(self) -> int | None:
        """
        Its number; L{None} if it could not be started, or waits for its turn.
        """
        return None if self.worker is None else self.worker.pid

    @property
    def stdin(self) -> Stream | None:
        """
        The first of L{stdio}.
        """
        return self.stdio[0]

    @property
    def stdout(self) -> Stream | None:
        """
        The second of L{stdio}.
        """
        return self.stdio[1]

    @property
    def stderr(self) -> Stream | None:
        """
        The third of L{stdio}.
        """
        return self.stdio[2]

    @property
    def connected(self) -> bool:
        """
        Whether the channel is open.
        """
        return self.worker is not None and self.worker.isConnected

    def kill(self, signal: str | int = signals.SIGTERM) -> None:
        """
        Send a signal; a process that has ended is let be.

        @param signal: C{"SIGTERM"}, or the number.
        @raise ValueError: If there is no such signal.
        """
        wanted = signalNumber(signal)
        if self.worker is not None:
            self.worker.signalProcess(wanted)

    def disconnect(self) -> None:
        """
        Close the channel now; the worker takes it for the primary's end.
        """
        if self.connected and self.worker is not None:
            self.worker.disconnect()


class Worker(BaseWorker):
    """
    A worker, in the primary.

    @ivar process: Its process.
    """

    EVENTS = {
        "online": 0,
        "listening": 1,
        "message": 2,
        "disconnect": 0,
        "exit": 2,
        "error": 1,
    }

    def __init__(self, id: int = 0) -> None:
        super().__init__()
        self.id = id
        self.process = Process()
        self.exitedAfterDisconnect: bool | None = None
        self._retired = False
        self._cluster: Emitter | None = None
        self._dead = False

    def begin(self, worker: WorkerProcess, cluster: Emitter) -> None:
        """
        All is there but its process, which is started in its turn.

        @param cluster: Tells what this tells.
        """
        self.process.worker = worker
        assert isinstance(worker.kit.output, Streams)
        self.process.stdio = worker.kit.output.streams
        self._peer = worker.peer
        self._cluster = cluster

    def isConnected(self) -> bool:
        return self.process.connected and not self._retired

    def isDead(self) -> bool:
        return self._dead

    def disconnect(self) -> Worker:
        """
        End it with grace: it listens no more, serves what it has, closes the channel,
        and ends. Asked again, nothing happens.

        @return: This.
        """
        worker = self.process.worker
        if worker is not None and not self._retired and not self._dead:
            self._retired = True
            self.exitedAfterDisconnect = True
            worker.retire()
        return self

    def kill(self, signal: str | int = signals.SIGTERM) -> None:
        """
        Send it a signal. A worker that gets SIGTERM serves what it has first; a second
        one, or C{"SIGKILL"}, ends it at once.

        @raise ValueError: If there is no such signal.
        """
        self.process.kill(signal)

    def listenTo(self) -> None:
        """
        Somebody listens to the messages of all workers.
        """
        self._listen()

    def _hear(self, message: Payload, handle: Handle | None) -> None:
        self.tell("message", message, handle)
        if self._cluster is not None:
            self._cluster.tell("message", self, message, handle)

    def _isHeard(self) -> bool:
        cluster = self._cluster
        isOverheard = cluster is not None and cluster.hears("message")
        return isOverheard or self.hears("message")

    def forget(self) -> None:
        """
        Nobody has listened to it while it lived: what it sent is dropped.
        """
        if self._peer is not None:
            self._peer.drop()

    def leave(self, planned: bool) -> None:
        """
        It ends, and nobody here has told it to.
        """
        if planned:
            self.exitedAfterDisconnect = True

    def dropped(self) -> None:
        """
        It is to end, and there never was a process.
        """
        self._retired = True
        self.exitedAfterDisconnect = True

    def disconnected(self) -> None:
        """
        The channel is closed.
        """
        self.exitedAfterDisconnect = bool(self.exitedAfterDisconnect)
        self.state = "disconnected"

    def exited(self, code: int | None, name: str | None) -> None:
        """
        The process has ended.

        @param code: What it ended with, or L{None}.
        @param name: The signal that ended it, or L{None}.
        """
        self.exitedAfterDisconnect = bool(self.exitedAfterDisconnect)
        self.process.exitCode = code
        self.process.signalCode = name
        self.state = "dead"
        self._dead = True
