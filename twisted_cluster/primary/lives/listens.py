"""
What a worker says of where it listens, and what it is answered.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_cluster.core import messages
from twisted_cluster.core.messages import Message
from twisted_cluster.errors import MessageError
from twisted_cluster.events import UNIX
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.ports.late import Binding
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.saying import factsOf
from twisted_cluster.primary.ports.table import ListenerTable
from twisted_cluster.wire.user import User

# An answer is one datagram, and has more in it than this.
LONGEST_WHY = 500
# It is kept for as long as the port is open.
LONGEST_NAME = 255
# Seconds that a file system is waited for at once: it takes some 0.2 ms. Who has named
# one that is slow is waited for no more.
AT_ONCE = 0.01
# From one look to the next, and seconds after which it is waited for no more at all.
LOOK = 0.01
LATE = 10.0


class Listens:
    """
    Answers what one worker asks of the table.
    """

    def __init__(
        self,
        listeners: ListenerTable,
        hand: Hand,
        say: Callable[..., None],
        clock: IReactorTime,
        hold: Callable[[bool], None],
        user: User | None = None,
    ) -> None:
        """
        @param hand: The worker, as the table knows it.
        @param say: Tells it a message, and descriptors.
        @param hold: Called with whether nothing more is to be heard from it for now.
        @param user: Whose it is; L{None}: this process's own.
        """
        self._listeners = listeners
        self._hand = hand
        self._say = say
        self._clock = clock
        self._hold = hold
        self._user = user
        self._patience = AT_ONCE
        self._late: Binding | None = None
        self._next: IDelayedCall | None = None
        self._isOver = False

    @property
    def isHeld(self) -> bool:
        """
        Whether it has to wait for an answer before it is heard on.
        """
        return self._late is not None

    def stop(self) -> None:
        """
        Nobody waits for an answer any more.
        """
        self._isOver = True
        if self._next is not None:
            self._next.cancel()
            self._next = None
        late, self._late = self._late, None
        if late is not None:
            late.leave()

    def take(self, message: Message) -> bool:
        """
        @return: Whether the message was one of these.
        """
        answer = self._ANSWERS.get(type(message))
        if answer is None:
            return False
        answer(self, message)
        return True

    def _listen(self, question: messages.Listen) -> None:
        if self._isOver and question.spec.kind == UNIX:
            return
        try:
            if len(question.spec.name) > LONGEST_NAME:
                why = f"a port's name has at most {LONGEST_NAME} characters"
                raise OSError(errno.ENAMETOOLONG, why)
            begun = self._listeners.begin(self._hand, question, self._user)
        except BaseException as error:
            self._refuse(question, error)
            return
        if begun is None or (begun.isDone(self._patience) and begun.goesOn):
            self._join(question, begun)
            return
        self._patience = 0.0
        self._late = begun
        self._hold(True)
        self._wait(question, self._clock.seconds())

    def _wait(self, question: messages.Listen, since: float) -> None:
        self._next = self._clock.callLater(LOOK, self._look, question, since)

    def _look(self, question: messages.Listen, since: float) -> None:
        self._next = None
        late = self._late
        assert late is not None, "nothing is waited for"
        if self._clock.seconds() - since > LATE:
            self._hand.accuse(
                MessageError(
                    f"it listens on {question.spec!s:.200}, whose file system has not "
                    f"answered for {LATE:.0f} s"
                )
            )
        elif not late.isDone():
            self._wait(question, since)
        else:
            self._late = None
            # It may have been begun for another worker.
            self._listen(question)
            if self._late is None:
                self._hold(False)

    def _join(self, question: messages.Listen, begun: Binding | None) -> None:
        try:
            listener = self._listeners.join(self._hand, question, self._user, begun)
        except BaseException as error:
            # Not only OSError: a name that is none, a number that is too large, whatever
            # ends a policy that is made for it. Who asks waits for an answer.
            self._refuse(question, error)
        else:
            self._give(question.question, listener)
        finally:
            if begun is not None:
                begun.leave()

    def _refuse(self, question: messages.Listen, error: BaseException) -> None:
        number = getattr(error, "errno", None) or errno.EINVAL
        why = getattr(error, "strerror", None) or str(error)
        self._say(messages.Answer(question.question, 0, number, why[:LONGEST_WHY]))

    def _give(self, question: int, listener: Listener) -> None:
        number, mode = listener.number, listener.mode
        if mode == messages.HANDOFF:
            facts = factsOf(listener.socket)
            self._say(messages.Answer(question, number, mode=mode, socket=facts))
        else:
            most = self._hand.most if mode == messages.KERNEL else None
            answer = messages.Answer(question, number, mode=mode, most=most)
            self._say(answer, listener.descriptorFor(self._hand))
            self._count(listener)

    def _count(self, listener: Listener) -> None:
        streams = listener.streams
        fd = None if streams is None else streams.newClosings(self._hand.id)
        if fd is not None:
            self._say(messages.Closings(listener.number), fd)

    def _unlisten(self, message: messages.Unlisten) -> None:
        self._listeners.leave(self._hand, message.listener)
        self._say(messages.Answer(message.question, message.listener))

    def _released(self, message: messages.Released) -> None:
        self._listeners.released(self._hand, message.listener)

    def _pause(self, message: messages.Pause) -> None:
        self._listeners.pause(self._hand, message.listener, message.paused)

    def _limit(self, message: messages.Limit) -> None:
        self._listeners.limit(self._hand, message.listener, message.willing)

    _ANSWERS: Mapping[type, Callable[[Listens, Any], None]] = {
        messages.Listen: _listen,
        messages.Unlisten: _unlisten,
        messages.Released: _released,
        messages.Pause: _pause,
        messages.Limit: _limit,
    }
