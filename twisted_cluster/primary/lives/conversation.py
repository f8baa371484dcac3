"""
What a worker says on its wires, and what it is answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twisted.logger import Logger

from twisted_cluster.core import messages
from twisted_cluster.core.codecs import Codec
from twisted_cluster.core.frames import Frame
from twisted_cluster.core.messages import Message
from twisted_cluster.errors import (
    ChannelClosedError,
    ChannelFullError,
    ClusterError,
    MessageError,
)
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.lives.answers import AnswerWatch
from twisted_cluster.primary.lives.held import HeldListeners
from twisted_cluster.primary.lives.listens import Listens
from twisted_cluster.primary.lives.pace import Pace
from twisted_cluster.primary.lives.returns import Returns
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.wires import Wires
from twisted_cluster.talk.ears import Ears
from twisted_cluster.talk.peer import Peer
from twisted_cluster.wire.outbox import Outbox
from twisted_cluster.wire.reader import Reader
from twisted_cluster.wire.user import User

log = Logger()

# So many messages of one worker are answered in a turn; a listen takes some 100 us.
MESSAGES_A_TURN = 64
# Of one that is gone all are: more than a socket's buffer can hold.
LAST_MESSAGES = 512
# Nor is another one begun after so many seconds: the more ports there are, the longer a
# listen takes.
LONG = 0.001
# A worker that reads nothing of what was sent to it before it is told to end is told all
# the same, with most of its time before it.
FLUSH = 1.0


class Worker(Protocol):
    """
    Who is told what the worker says of its life.
    """

    @property
    def id(self) -> int: ...

    @property
    def name(self) -> str: ...

    def born(self) -> None: ...

    def online(self, isReady: bool) -> None: ...

    def ready(self, isReady: bool) -> None: ...

    def listening(self, where: messages.Listening) -> None: ...

    def leaving(self, planned: bool) -> None: ...

    def lost(self) -> None: ...

    def kill(self) -> None: ...


class Conversation:
    """
    Reads one worker's messages and mail, and answers.

    @ivar peer: Users' messages to it and from it.
    @ivar returns: What it sends back.
    @ivar isOpen: Whether it can be told anything.
    """

    def __init__(
        self,
        rooms: Rooms,
        wires: Wires,
        hand: Hand,
        codec: Codec,
        worker: Worker,
        user: User | None = None,
    ) -> None:
        """
        @param hand: The worker, as the door and the table know it.
        @param codec: How users' messages to it are encoded.
        @param user: Whose the worker is; L{None}: this process's own.
        """
        self._rooms = rooms
        self._wires = wires
        self._hand = hand
        self._worker = worker
        self.isOpen = True
        self._isRefused = False
        hand.accuse = self.refuse
        self._outbox = Outbox(wires.channel, rooms.reactor)
        self._listens = Listens(
            rooms.listeners, hand, self._say, rooms.reactor, self._holdBack, user
        )
        ears = Ears(
            self._hearTopic,
            self._mailEnded,
            self._readEarlier,
            held=lambda isHeld: self._answers.heldUp(isHeld),
            isStrict=True,
        )
        held = HeldListeners(rooms.listeners, rooms.reactor)
        self.peer = Peer(rooms.reactor, wires.mail, codec, ears, held, rooms.mail)
        self._answers = AnswerWatch(rooms.reactor, hand, self.peer)
        name = f"worker {hand.number}: messages"
        reader = Reader(rooms.reactor, wires.channel.fileno, self.read, name)
        reader.start()
        self._pace = Pace(rooms.reactor, reader)
        self.returns = Returns(rooms, hand)

    def sayStay(self) -> None:
        """
        Tell it, who was sent a signal, to go on until it is told to drain.
        """
        self._say(messages.Stay())

    def sayDrain(self, timeout: float, planned: bool = True) -> None:
        """
        Tell it to finish what it serves within so many seconds, and end; what it was
        sent before it hears before.

        @param planned: Whether that is the primary's will.
        """
        told = self.peer.mail.flushed()
        patience = min(FLUSH, timeout / 2)
        told.addTimeout(patience, self._rooms.reactor, lambda result, timeout: None)
        told.addCallback(lambda _: self._sayDrainNow(messages.Drain(timeout, planned)))

    def _sayDrainNow(self, drain: messages.Drain) -> None:
        if self.isOpen:
            self._say(drain)

    def saySignal(self, number: int) -> None:
        """
        Pass a signal on to its application.
        """
        self._say(messages.Signal(number))

    def end(self, error: ChannelClosedError) -> None:
        """
        It is told nothing more; hear what it has said until now.

        @param error: What users' messages to it fail with.
        """
        self.isOpen = False
        self._pace.stop()
        self._listens.stop()
        self._outbox.close()
        self._answers.heldUp(False)
        if not self._isRefused:
            self.peer.finish()
        self.peer.close(error)
        self._rooms.exchange.leave(self._worker.id)
        self._wires.channel.close()

    def close(self) -> None:
        """
        The worker is gone, or never was: read nothing more.
        """
        try:
            if self.isOpen:
                self.end(ChannelClosedError("the worker is gone"))
        finally:
            self.returns.stop()

    # What comes

    def read(self, most: int = MESSAGES_A_TURN) -> None:
        """
        Take some messages.
        """
        begun = time.thread_time()
        if most > MESSAGES_A_TURN:
            self._listens.stop()
        try:
            count, isAll = self._readSome(most)
            if most <= MESSAGES_A_TURN and self.isOpen and not self._isRefused:
                self._pace.spent(time.thread_time() - begun, count, isAll)
        except MessageError as error:
            self.refuse(error)
        except ChannelClosedError:
            self._worker.lost()

    def _readSome(self, most: int) -> tuple[int, bool]:
        """
        @return: How many they were, and whether there are no more.
        """
        clock, count = self._rooms.reactor, 0
        end = clock.seconds() + LONG
        while count < most and self._mayHear:
            try:
                message, _ = self._wires.channel.receive()
            except BlockingIOError:
                return count, True
            self._take(message)
            count += 1
            if most <= MESSAGES_A_TURN and clock.seconds() > end:
                break
        return count, False

    @property
    def _mayHear(self) -> bool:
        isOver = self._isRefused or self._listens.isHeld
        return self.isOpen and not isOver

    def _holdBack(self, isHeld: bool) -> None:
        if self.isOpen and not self._isRefused:
            self._pace.hold(isHeld)

    def _readEarlier(self) -> None:
        # Users' messages do not overtake what the worker said of itself before.
        if self._wires.channel.hasCome() and self.isOpen and not self._pace.isResting:
            self.read()

    def _hearTopic(self, frame: Frame) -> bool:
        return self._rooms.exchange.take(self._worker.id, self.peer, frame)

    def _mailEnded(self, error: Exception) -> None:
        if isinstance(error, MessageError):
            self.refuse(error)

    def refuse(self, error: ClusterError) -> None:
        """
        It does, on whatever wire, what no worker of ours would: kill it.
        """
        if self._isRefused:
            return
        # What it had said behind that is not done either.
        self._isRefused = True
        self._pace.stop()
        self._listens.stop()
        self.returns.stop()
        self.peer.silence()
        log.error("{worker}: {error}; killed", worker=self._worker.name, error=error)
        self._worker.kill()

    def _take(self, message: Message) -> None:
        answer = self._ANSWERS.get(type(message))
        if answer is not None:
            answer(self, message)
        elif not self._listens.take(message):
            raise MessageError(f"a worker does not say {message}")

    def _say(self, message: Message, *fds: int) -> None:
        try:
            self._outbox.say(message, fds)
        except ChannelFullError as error:
            # So much that waits is no worker's that works.
            self.refuse(error)

    def _room(self, message: messages.Room) -> None:
        self._rooms.door.changed()

    # Its life

    def _born(self, message: messages.Born) -> None:
        self._worker.born()

    def _online(self, message: messages.Online) -> None:
        self._worker.online(message.isReady)

    def _ready(self, message: messages.Ready) -> None:
        self._worker.ready(message.isReady)

    def _listening(self, message: messages.Listening) -> None:
        self._worker.listening(message)

    def _leaving(self, message: messages.Leaving) -> None:
        self._worker.leaving(message.planned)

    _ANSWERS: Mapping[type, Callable[[Conversation, Any], None]] = {
        messages.Room: _room,
        messages.Born: _born,
        messages.Online: _online,
        messages.Ready: _ready,
        messages.Listening: _listening,
        messages.Leaving: _leaving,
    }
