"""
Workers, as both kinds of process see them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, fail

from twisted_cluster.api.emitter import Emitter
from twisted_cluster.core.codecs import Payload
from twisted_cluster.errors import ChannelClosedError
from twisted_cluster.talk.handles import Handle
from twisted_cluster.talk.peer import Peer

Answerer = TypeVar("Answerer", bound=Callable[[Payload], object])


class BaseWorker(Emitter):
    """
    What is the same at both ends of a worker's channel.

    @ivar id: Counts the workers of a primary, from 1; never used again.
    @ivar state: C{"none"}, C{"online"}, C{"listening"}, C{"disconnected"}, C{"dead"}:
        what happened last.
    @ivar exitedAfterDisconnect: L{True} once the worker is meant to end; L{False} when
        it ends all the same, by accident; until then L{None}.
    """

    EVENTS = {"message": 2, "disconnect": 0, "error": 1}

    id = 0
    state = "none"
    _peer: Peer | None = None

    def send(
        self,
        message: object,
        handle: object = None,
        *,
        unread: bytes = b"",
        keepOpen: bool = False,
    ) -> Deferred[None]:
        """
        Send a message to the process at the other end, where C{message} happens.

        @param message: What the setting C{serialization} carries.
        @param handle: What is to go with it: a TCP or UNIX connection (its transport),
            whose protocol here then loses it; a listening or a UDP port, which both
            have from then on; or a socket.
        @param unread: Bytes of the connection that were read here already; its new owner
            gets them first.
        @param keepOpen: Whether a connection stays open here too.
        @return: Fires when the kernel has all of it, so that who waits for it is held up
            by a slow reader. Fails with L{ChannelClosedError} if the other process is
            gone (L{ChannelClosedHereError} if this one has closed the channel), with
            L{MailboxFullError} if too much waits for it already. Cancelled while what was
            written to a connection has not left, that goes on here; later, it is sent all
            the same.
        @raise NotSerializableError: If the message cannot be carried.
        @raise MessageTooLongError: If it has more than 256 MiB.
        @raise HandleError: If C{handle} is nothing that can be sent, or is closed.
        """
        if self._peer is None:
            return fail(ChannelClosedError("there is no process at the other end"))
        return self._peer.send(message, handle, unread, keepOpen)

    def ask(self, message: object, timeout: float = 10.0) -> Deferred[Payload]:
        """
        Ask the process at the other end something; what its C{answer} is given, it
        answers.

        @param timeout: How long to wait, in seconds.
        @return: Fires with the answer. Fails with L{AskTimeoutError},
            L{AskFailedError} if answering failed there, L{ChannelClosedError} if the
            process ends before. Cancelling it forgets the question.
        @raise NotSerializableError: If the question cannot be carried.
        @raise MessageTooLongError: If it has more than 256 MiB.
        """
        if self._peer is None:
            return fail(ChannelClosedError("there is no process at the other end"))
        return self._peer.ask(message, timeout)

    def answer(self, handler: Answerer) -> Answerer:
        """
        Answer what the process at the other end asks; questions that came before wait.

        @param handler: Given a question, returns the answer, or a Deferred or coroutine
            of it. What it raises, C{ask} fails with. Each call replaces the one before.
        @return: C{handler}, so that this is a decorator too.
        """
        if self._peer is not None:
            self._peer.ears.ask = handler
            self._peer.listen()
        return handler

    def isConnected(self) -> bool:
        """
        Whether the channel is open, and nobody has asked for its end.
        """
        return False

    def isDead(self) -> bool:
        """
        Whether the process has ended.
        """
        return False

    def heard(self, event: str) -> None:
        if event == "message":
            self._listen()

    def _listen(self) -> None:
        if self._peer is not None and self._peer.ears.message is None:
            self._peer.ears.message = self._hear
            self._peer.ears.isHeard = self._isHeard
            self._peer.listen()

    def _isHeard(self) -> bool:
        """
        Whether anybody listens to messages just now.
        """
        return self.hears("message")

    def _hear(self, message: Payload, handle: Handle | None) -> None:
        self.tell("message", message, handle)
