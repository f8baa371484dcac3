"""
The process at the other end of a mail stream: messages, questions, answers.

Both kinds of process use it: the primary has one per worker, a worker has one.
"""

from __future__ import annotations

import socket
import time

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_cluster.core import frames
from twisted_cluster.core.codecs import Codec, Payload, decode
from twisted_cluster.core.complaints import Complaints
from twisted_cluster.core.frames import HANDLE, LISTENER, Frame
from twisted_cluster.errors import (
    AskFailedError,
    ChannelClosedError,
    ChannelClosedHereError,
    ClusterError,
    HandleError,
    MessageError,
)
from twisted_cluster.reactors import IWireReactor
from twisted_cluster.talk.ears import Ears
from twisted_cluster.talk.giving import Gift, prepare
from twisted_cluster.talk.handles import Handle, received
from twisted_cluster.talk.hearing import Hearing
from twisted_cluster.talk.held import HeldPorts, NoPorts
from twisted_cluster.talk.questions import Answering, Questions, Unasked
from twisted_cluster.wire.closing import discard
from twisted_cluster.wire.mail import Mail
from twisted_cluster.wire.mailroom import Mailroom

log = Logger()
NO_PORTS = NoPorts()

# A message that nobody hears may be decoded all the same, if it has no more bytes.
SHORT = 1 << 11
UNHEARD = "a worker sends messages to the primary, where nobody hears them"


class Peer:
    """
    @ivar ears: Who hears it; call L{listen} after a change.
    @ivar isOpen: Whether it can be sent anything.
    """

    def __init__(
        self,
        reactor: IWireReactor,
        end: socket.socket,
        codec: Codec,
        ears: Ears,
        held: HeldPorts = NO_PORTS,
        room: Mailroom | None = None,
    ) -> None:
        """
        @param codec: How what is sent is encoded.
        @param held: Listening sockets that only the primary holds.
        @param room: As of a L{Mail}.
        """
        self.ears = ears
        self.isOpen = True
        self._reactor = reactor
        self._codec = codec
        self._held = held
        self._hearing = Hearing(reactor, ears, self._hear, self._read)
        self._questions = Questions(reactor)
        self._complaints = Complaints(time.monotonic_ns)
        self._isWarned = False
        # Others decode what is relayed, and to decode CBOR can take very long.
        isAny = self._codec.flag or not ears.isStrict
        self._strange = 0 if isAny else frames.ADVANCED
        take = self._hearing.take
        self.mail = Mail(reactor, end, take, self._lost, room, self._wants)
        self._answering = Answering(self.mail, codec, self._hold)

    # Sending

    def send(
        self, message: object, handle: object, unread: bytes, keepOpen: bool
    ) -> Deferred[None]:
        """
        @see: L{twisted_cluster.api.workers.BaseWorker.send}
        """
        body = self._codec.encode(message)
        if handle is None:
            return self.mail.send(Frame(frames.MESSAGE, self._codec.flag, 0, b"", body))
        ready = prepare(handle, keepOpen)
        return ready.addCallback(self._give, unread, body)

    def _frameFor(self, gift: Gift, unread: bytes, body: bytes) -> tuple[Frame, int]:
        """
        @return: The frame, and the descriptor that goes with it, -1 if none does.
        """
        flag, listener = self._codec.flag, gift.listener
        listener = listener or self._held.numberOf(gift.fileno)
        if not listener:
            return Frame(frames.MESSAGE, flag | HANDLE, 0, unread, body), gift.fileno
        extra = self._held.described(listener)
        return Frame(frames.MESSAGE, flag | LISTENER, listener, extra, body), -1

    def _give(self, gift: Gift, unread: bytes, body: bytes) -> Deferred[None]:
        def keep(failure: Failure) -> Failure:
            gift.kept()
            return failure

        try:
            sent = self.mail.send(*self._frameFor(gift, unread, body))
        except OSError as error:
            gift.kept()
            raise HandleError(f"it cannot be sent now: {error}") from error
        except BaseException:
            gift.kept()
            raise
        # Not that itself: what is on its way cannot be called back, and must not go on
        # here as well because somebody has cancelled what he was given.
        told: Deferred[None] = Deferred()
        sent.addCallbacks(lambda _: gift.given(), keep).chainDeferred(told)
        return told

    def ask(self, message: object, timeout: float) -> Deferred[Payload]:
        """
        @see: L{twisted_cluster.api.workers.BaseWorker.ask}
        """
        body = self._codec.encode(message)
        number, answer = self._questions.add(timeout)
        try:
            head = frames.headOf(frames.ASK, self._codec.flag, number, b"", body)
            self.mail.post(head, body, Unasked, self._questions, number)
        except BaseException:
            self._questions.take(number)
            raise
        return answer

    def encode(self, message: object) -> bytes:
        """
        @raise NotSerializableError: If the codec in use cannot carry the message.
        """
        return self._codec.encode(message)

    def tell(self, kind: int, number: int, topic: bytes, body: bytes) -> Deferred[None]:
        """
        Send something about a topic.

        @param body: What L{encode} made of it.
        """
        return self.mail.send(Frame(kind, self._codec.flag, number, topic, body))

    # Hearing

    def listen(self) -> None:
        """
        Somebody hears now who did not before: deliver what has waited.
        """
        self._hearing.listen()

    def _read(self, isWanted: bool) -> None:
        if isWanted:
            self.mail.resume()
        else:
            self.mail.pause()

    def _hold(self, isHeld: bool) -> None:
        # Only where the other process is not trusted: two that ask each other, and both
        # do not hear, would wait for ever.
        if self.ears.isStrict:
            self._hearing.hold(isHeld)
            self.ears.held(isHeld)

    @property
    def unread(self) -> int:
        """
        How many bytes of memory the answers take that the other process does not read.
        """
        return self._answering.unsent

    def silence(self) -> None:
        """
        Hear nothing more of it, whatever it has said.
        """
        self._hearing.forget()
        self.mail.pause()

    def _wants(self, kind: int, number: int) -> bool:
        if kind in (frames.ANSWER, frames.REFUSAL):
            return self._questions.isOpen(number)
        return self.ears.wants(kind)

    def _hear(self, frame: Frame, fd: int | None) -> bool:
        """
        Whatever goes wrong with a frame, the next one is heard; who breaks the rules is
        heard no more.

        @return: Whether it was of use to anybody.
        """
        try:
            kind = frame.kind
            if kind == frames.MESSAGE:
                return self._hearMessage(frame, fd)
            if fd is not None:
                discard((fd,))
            if frame.flags:
                self._checkCodec(frame.flags)
            if kind == frames.ANSWER or kind == frames.REFUSAL:
                return self._questions.hear(frame) or self._isLate(frame.number)
            if kind == frames.ASK and not self.ears.isDeaf:
                self._answering.hear(self.ears.ask or _refuse, frame)
                return True
            if kind == frames.ASK:
                self._answering.refuse(frame.number, "nobody answers in this primary")
                return False
            return self.ears.topic(frame)
        except MessageError as error:
            self._hearing.forget()
            self._end(error)
        except BaseException:
            log.failure("what another process said was not heard")
        return True

    def _isLate(self, number: int) -> bool:
        """
        Nobody waits for an answer.

        @return: That it is of no use.
        """
        if self.ears.isStrict and not self._questions.isAsked(number):
            raise MessageError("it answers a question that it was not asked")
        return False

    def _hearMessage(self, frame: Frame, fd: int | None) -> bool:
        ears, flags, body = self.ears, frame.flags, frame.body
        if flags:
            self._checkCodec(flags)
        # Of a short one it is dearer to ask whether it is worth while.
        if ears.isDeaf or (len(body) > SHORT and not ears.isHeard()):
            self._dropMessage(fd)
            return False
        isGiven = flags & (HANDLE | LISTENER)
        handle = self._handleOf(frame, fd) if isGiven else None
        try:
            message = decode(flags, body)
        except MessageError as error:
            self._complain("a message is lost: {error}", error)
            if handle is not None:
                handle.discard()
            return False
        assert ears.message is not None
        try:
            ears.message(message, handle)
        except BaseException:
            log.failure("who hears messages failed")
        return True

    def _checkCodec(self, flags: int) -> None:
        if flags & self._strange:
            raise MessageError("it does not keep to its serialization, json")

    def _dropMessage(self, fd: int | None) -> None:
        if fd is not None:
            discard((fd,))
        if self.ears.isDeaf and not self._isWarned:
            self._isWarned = True
            log.warn(UNHEARD)

    def _handleOf(self, frame: Frame, fd: int | None) -> Handle | None:
        try:
            if not frame.flags & HANDLE:
                return self._held.handleOf(frame.number, frame.extra)
            if fd is None:
                raise HandleError("no descriptor was free for it")
            return received(fd, frame.extra, self._reactor)
        except HandleError as error:
            if fd is not None and self.ears.isStrict:
                raise MessageError(f"it sends {error}") from None
            self._complain("what came with a message is lost: {error}", error)
            return None

    def _complain(self, what: str, error: ClusterError) -> None:
        # Whose affair it is may go on for ever.
        if self._complaints.isDue(what):
            log.error(what, error=error)

    # Ending

    def finish(self) -> None:
        """
        Hear what the other process has said until now, which may be its last words: at
        most what the kernel holds for it, so that nobody can go on for ever.
        """
        self._hearing.hearAll()
        left = self.mail.capacity
        while left > 0:
            try:
                count = self.mail.readOnce()
            except OSError as error:
                log.error("another process's last words are lost: {error}", error=error)
                return
            if not count:
                return
            left -= count
            self._hearing.hearAll()

    def close(self, error: ChannelClosedError | None = None) -> None:
        """
        @param error: Why, if it is not this process that wants it.
        """
        self._end(error or ChannelClosedHereError("this process has closed the channel"))

    def _end(self, error: Exception) -> None:
        closed = error if isinstance(error, ChannelClosedError) else None
        self.mail.close(closed or ChannelClosedError(str(error)))
        self._lost(error)

    def _lost(self, error: Exception) -> None:
        if not self.isOpen:
            return
        self.isOpen = False
        isHere = isinstance(error, ChannelClosedHereError)
        kind = ChannelClosedHereError if isHere else ChannelClosedError
        self._questions.fail(kind(f"no answer will come: {error}"))
        self.ears.closed(error)

    def drop(self) -> None:
        """
        Nobody will listen any more: forget what waits for it.
        """
        self._hearing.drop()


def _refuse(question: object) -> object:
    raise AskFailedError("nobody answers here, and too many questions wait already")
