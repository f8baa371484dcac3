"""
What a worker sends back.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from twisted_cluster.core.complaints import Complaints
from twisted_cluster.errors import MessageError, QueueEndedError
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.wire.handed import Handed
from twisted_cluster.wire.handoff import receive, sayLost
from twisted_cluster.wire.reader import Reader

# Some may come more, for they come several in a message.
CONNECTIONS_A_TURN = 64


class Returns:
    """
    Takes the connections that one worker sends back on its handoff queue, and gives them
    to the door.
    """

    def __init__(self, rooms: Rooms, hand: Hand) -> None:
        """
        @param hand: The worker; it is accused of what no worker of ours sends.
        """
        self._door = rooms.door
        self._hand = hand
        self._queue = hand.queue.end
        self._losses = Complaints(time.monotonic_ns)
        name = f"worker {hand.number}: what it sends back"
        self._reader = Reader(rooms.reactor, self._queue.fileno, self.read, name)
        self._reader.start()

    def stop(self) -> None:
        """
        Take nothing more by itself.
        """
        self._reader.stop()

    def read(self, most: int = CONNECTIONS_A_TURN) -> None:
        """
        Take some.
        """
        came: list[Handed] = []
        try:
            while most > 0:
                connections, lost = receive(self._queue)
                if lost and self._losses.isDue():
                    sayLost(lost)
                most -= max(1, len(connections))
                came += connections
        except BlockingIOError:
            pass
        except MessageError as error:
            self._hand.accuse(MessageError(f"it sends back {error}"))
        except QueueEndedError:
            # This process has a duplicate of the worker's end: it has shut it down.
            self._reader.stop()
            self._hand.accuse(MessageError("it has shut its handoff queue"))
        finally:
            # Also what came before the system had no memory for more.
            self._giveOn(came)

    def _giveOn(self, came: Sequence[Handed]) -> None:
        try:
            self._door.returned(self._hand, came)
        except MessageError as error:
            self._hand.accuse(error)
