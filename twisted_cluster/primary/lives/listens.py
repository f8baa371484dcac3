"""
What a worker says of where it listens, and what it is answered.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import Any

from twisted_cluster.core import messages
from twisted_cluster.core.messages import Message
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.saying import factsOf
from twisted_cluster.primary.ports.table import ListenerTable
from twisted_cluster.wire.user import User

# An answer is one datagram, and has more in it than this.
LONGEST_WHY = 500
# It is kept for as long as the port is open.
LONGEST_NAME = 255


class Listens:
    """
    Answers what one worker asks of the table.
    """

    def __init__(
        self,
        listeners: ListenerTable,
        hand: Hand,
        say: Callable[..., None],
        user: User | None = None,
    ) -> None:
        """
        @param hand: The worker, as the table knows it.
        @param say: Tells it a message, and descriptors.
        @param user: Whose it is; L{None}: this process's own.
        """
        self._listeners = listeners
        self._hand = hand
        self._say = say
        self._user = user

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
        try:
            if len(question.spec.name) > LONGEST_NAME:
                why = f"a port's name has at most {LONGEST_NAME} characters"
                raise OSError(errno.ENAMETOOLONG, why)
            listener = self._listeners.join(self._hand, question, self._user)
        except BaseException as error:
            # Not only OSError: a name that is none, a number that is too large, whatever
            # ends a policy that is made for it. Who asks waits for an answer.
            number = getattr(error, "errno", None) or errno.EINVAL
            why = getattr(error, "strerror", None) or str(error)
            self._say(messages.Answer(question.question, 0, number, why[:LONGEST_WHY]))
        else:
            self._give(question.question, listener)

    def _give(self, question: int, listener: Listener) -> None:
        number, mode = listener.number, listener.mode
        if mode == messages.HANDOFF:
            facts = factsOf(listener.socket)
            self._say(messages.Answer(question, number, mode=mode, socket=facts))
        else:
            answer = messages.Answer(question, number, mode=mode)
            self._say(answer, listener.descriptorFor(self._hand))

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
