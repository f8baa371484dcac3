"""
Has the kernel know whom of a port's workers it may choose, and others get what lies at
sockets of those whom it may not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

from twisted_cluster.core.users import Users
from twisted_cluster.primary.door.hall import Hall
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.reserve import Reserve
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.reader import Reader

G = TypeVar("G", bound=Reserve)


class Steersman(ABC, Generic[G]):
    """
    Of a port whose sockets a program chooses from.

    @ivar isBusy: Whether something is being taken.
    @ivar accepted: How many connections workers have accepted, as they say.
    """

    def __init__(
        self,
        listener: Listener,
        group: G,
        hall: Hall,
        give: Callable[[Handed], None],
        flush: Callable[[], None],
    ) -> None:
        """
        @param give: Called with all that was taken, one by one.
        @param flush: Called after some.
        """
        self._listener = listener
        self._users = cast(Users[Hand], listener.users)
        self._group = group
        self._hall = hall
        self._give = give
        self._flush = flush
        self._isResting = False
        self._reader = Reader(
            hall.reactor, group.unaccepted.idle.fileno, self._take, listener.facts.name
        )

    @property
    def isBusy(self) -> bool:
        return False

    @property
    def accepted(self) -> int:
        return 0

    @property
    def _ready(self) -> Sequence[Hand]:
        return self._users.ready(self._hall.hands.roster.version)

    def steer(self) -> None:
        """
        Have the kernel choose among those who can take something just now.
        """
        self._tell(self._serve)

    @abstractmethod
    def _serve(self) -> None:
        """
        @raise OSError: If the system does not take the program.
        """

    def look(self) -> None:
        """
        To be called some 20 times a second.
        """
        self._isResting = False
        self._watch()
        self._tell(self._group.attach)

    def share(self, generation: int, part: float | None) -> None:
        """
        A generation's workers are to have this part of all connections, if there are any.

        @param part: 0.0 to 1.0; L{None}: they are like all others.
        """

    def watch(self, wanted: bool) -> None:
        """
        Take what lies at sockets of those who cannot accept, or leave it there.
        """

    def _watch(self) -> None:
        isReading = self._isTaking and not self._isResting
        (self._reader.start if isReading else self._reader.stop)()

    @property
    @abstractmethod
    def _isTaking(self) -> bool:
        """
        Whether what lies there is to be taken.
        """

    @abstractmethod
    def _take(self) -> None:
        """
        Something lies there.
        """

    def _tell(self, change: Callable[[], None]) -> None:
        """
        Tell the kernel something, which it may not take.
        """
        try:
            change()
        except OSError as error:
            self._say(f"the kernel takes no program: {error}")

    def _say(self, what: str) -> None:
        self._hall.say(self._listener.facts.name, what)

    def close(self) -> None:
        """
        Take no more.
        """
        self._reader.stop()
