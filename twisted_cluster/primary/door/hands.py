"""
One worker's handoff queue, and what is put into it.
"""

from __future__ import annotations

import errno
import resource
import time
from collections.abc import Callable, Iterable

from twisted.logger import Logger

from twisted_cluster.core.counting import Tally
from twisted_cluster.core.lies import Lies
from twisted_cluster.core.member import Member, Post, reserveFor
from twisted_cluster.core.roster import Roster
from twisted_cluster.errors import MessageError
from twisted_cluster.events import SocketName
from twisted_cluster.primary.door.given import Given
from twisted_cluster.wire.closing import discard
from twisted_cluster.wire.handed import METERED, SEEN, Handed, packRecord, unpackAll
from twisted_cluster.wire.handoff import (
    BATCH,
    HandoffQueue,
)
from twisted_cluster.wire.page import ATTACHED, CLOSED, OPENED, SENT, SITTING, TAKEN, Page
from twisted_cluster.wire.passing import give
from twisted_cluster.wire.prompt import prompt

log = Logger()
# What sending fails with where the worker has spoilt its own end: shut it, or lets no
# descriptors in. All else is a queue that is full, or a system without room.
SPOILT = {errno.EPERM, errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}
# An application may have its connections linger, and be the faster one once in many
# thousand times; so often in so many seconds none is by chance.
MOST_LINGERING = 3
LINGERING_SECONDS = 10.0
LINGERS = "it has others wait for the end of a connection that it was handed"

# Linux alone has it.
CROWDED = getattr(errno, "ETOOMANYREFS", None)


def descriptors() -> int:
    """
    How many a process of this cluster may have: each raises its limit as far as it may.
    """
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


class Hand(Member):
    """
    A worker that connections are handed to.

    @ivar queue: Where they are put.
    @ivar isCrowdedOut: Whether that was refused because too many descriptors of this
        user's are on their way, whosever they are; until somebody has seen it.
    @ivar given: What it may send back.
    @ivar most: How many connections it may have; L{None} is any number.
    @ivar accuse: Called with what it has done that none of ours does.
    """

    def __init__(
        self,
        post: Post,
        page: Page,
        queue: HandoffQueue,
        most: int | None = None,
        hasTerminal: bool = False,
    ) -> None:
        """
        @param most: How many connections it may have; L{None} is any number.
        @param hasTerminal: Whether anybody could look at it with a debugger.
        """
        tally = Tally(page, most) if len(page.ended) else None
        super().__init__(post, page, tally, reserve=reserveFor(descriptors()))
        self.queue = queue
        self.most = most
        self.isCrowdedOut = False
        self._hasTerminal = hasTerminal
        self._said = page
        # The batch: what is to be sent with the next flush.
        self._fds: list[int] = []
        self._records: list[bytes] = []
        self._lies = Lies()
        # When it has had this process wait, in monotonic seconds.
        self._lingered: list[float] = []
        self.given = Given()
        self.accuse: Callable[[MessageError], object] = self._log

    @property
    def heartbeat(self) -> int:
        """
        Its last sign of life, in monotonic nanoseconds; 0 before the first.
        """
        return self.page.heartbeat

    @property
    def served(self) -> int:
        """
        How many connections it has begun, as it says, but no more than it was handed,
        where it was handed any, and has accepted itself.
        """
        opened, accepted = self.page.opened, self._said.accepted
        return min(opened, self._sent + accepted) if self._sent else opened

    @property
    def taken(self) -> int:
        """
        How many connections it has taken, or accepted itself, as it says.
        """
        return self.page.taken + self._said.accepted

    def acceptedBy(self, listener: int) -> int:
        """
        How many connections it has accepted itself of a listener's, as it says.
        """
        return self._said.acceptedBy(listener)

    # As a member's, but without a call for each number: policies ask every worker for
    # these, for each connection.

    @property
    def load(self) -> int:
        cells = self._said.cells
        waiting, active = self._sent - cells[TAKEN], cells[OPENED] - cells[CLOSED]
        return (waiting if waiting > 0 else 0) + (active if active > 0 else 0)

    @property
    def queued(self) -> int:
        waiting = self._sent - self._said.cells[TAKEN]
        return waiting if waiting > 0 else 0

    @property
    def isHeld(self) -> bool:
        """
        Whether somebody looks at it with a debugger. Of one that has no terminal that
        is not believed.
        """
        return self._hasTerminal and self.page.held == SITTING

    @property
    def isDebugged(self) -> bool:
        """
        Whether it says that a debugger is in it.
        """
        return self.page.held == ATTACHED

    @property
    def told(self) -> int:
        """
        When a signal has told it to end, in the same; 0 if none has.
        """
        return self._said.told

    def reconcile(self) -> int:
        """
        Ask the kernel how much is in the queue; what the worker says is only what it
        says.

        @return: How many connections the worker has not taken.
        """
        # First: it may take more meanwhile, but never less.
        said = self.page.taken
        depth = self.queue.depth()
        self._believe(self._lies.ofTaken(said, self._sent, depth))
        return depth

    def lookAt(self, now: int) -> None:
        self._believe(self._lies.ofBeat(now, self.page.heartbeat))
        if self.tally is not None:
            self._believe(self.tally.lie)
        super().lookAt(now)

    def _believe(self, lie: str) -> None:
        if lie:
            self.accuse(MessageError(lie))

    def put(self, connection: Handed) -> bool:
        """
        Put a connection into the next batch.

        @return: Whether all is as before; else it is full, or a credit is spent.
        """
        fd, listener, name, bounces, tally, flags, _ = connection
        if listener in self.credits:
            flags |= METERED
        nonce = self.given.first + len(self._fds)
        self._records.append(packRecord(listener, name, bounces, tally, flags, nonce))
        self._fds.append(fd)
        self._sent += 1
        self._spare -= 1
        return self._spare > 0 or self._weigh(connection)

    def putNew(self, fd: int, listener: int, name: SocketName) -> bool:
        """
        The same with one that has just been accepted, and is not looked at.
        """
        if self._spare <= 1:
            return self.put(Handed(fd, listener, name))
        fds = self._fds
        nonce = self.given.first + len(fds)
        self._records.append(packRecord(listener, name, 0, 0, 0, nonce))
        fds.append(fd)
        self._sent += 1
        self._spare -= 1
        return True

    def flush(self) -> list[Handed]:
        """
        Send the batch.

        @return: What could not be sent: the queue is full, or broken.
        """
        fds, records = self._fds, self._records
        self._fds, self._records = [], []
        # First: a worker that knows of fewer than there are turns once more for them.
        self._saySent()
        while fds:
            some = fds if len(fds) <= BATCH else fds[:BATCH]
            data = b"".join(records if some is fds else records[:BATCH])
            try:
                give(self.queue.end, (data,), some)
            except OSError as error:
                return self._keepBack(unpackAll(b"".join(records), fds), error)
            self.given.add(data, len(some))
            if not prompt.close(some):
                self._hasLingered(time.monotonic())
            if some is fds:
                break
            fds, records = fds[BATCH:], records[BATCH:]
        return []

    def _saySent(self) -> None:
        # Somebody else may have put something into the queue, which was taken back.
        self._said.cells[SENT] = max(0, self._sent)

    def _hasLingered(self, now: float) -> None:
        recent = [each for each in self._lingered if now - each < LINGERING_SECONDS]
        self._lingered = [*recent, now]
        if len(self._lingered) >= MOST_LINGERING:
            self.accuse(MessageError(LINGERS))

    def _keepBack(self, batch: list[Handed], error: OSError) -> list[Handed]:
        self._sent -= len(batch)
        self._saySent()
        self.refuse()
        if error.errno == CROWDED:
            self.isCrowdedOut = True
        if error.errno in SPOILT:
            self.accuse(MessageError(f"its handoff queue lets nothing in: {error}"))
        return [self._unmark(one) for one in batch]

    def takeBack(self) -> list[Handed]:
        """
        Take back what the worker has not taken.
        """
        taken = self.queue.takeBack()
        back: list[Handed] = []
        for connections, lost in taken.messages:
            self._sent -= len(connections) + len(lost)
            self._own(lost)
            back += self._own(connections)
        self._saySent()
        if taken.fault:
            self.accuse(MessageError(taken.fault))
        self.hasRoom()
        return back

    def _own(self, connections: Iterable[Handed]) -> list[Handed]:
        """
        @return: Connections from the queue, as they were before they were given.
        """
        back: list[Handed] = []
        for connection in connections:
            known = self.given.back(connection.nonce)
            if known is not None:
                known = self._unmark(known)
                flags = known.flags | SEEN
                back.append(known._replace(fd=connection.fd, flags=flags))
            elif connection.fd >= 0:
                discard((connection.fd,))
        return back

    def _unmark(self, connection: Handed) -> Handed:
        """
        A connection was not given after all.
        """
        if self.tally is not None:
            self.tally.remove(connection)
        if not connection.flags & METERED:
            return connection
        if connection.listener in self.credits:
            self.credits[connection.listener].handed -= 1
        return connection._replace(flags=connection.flags & ~METERED)

    def _log(self, error: MessageError) -> None:
        log.error("worker {number}: {error}", number=self.number, error=error)


class Hands:
    """
    All workers that connections are handed to, and what is about to be.

    @ivar roster: Who is there.
    @ivar touched: Who is about to be handed something.
    """

    def __init__(self, roster: Roster[Hand], handed: Callable[[], None]) -> None:
        """
        @param handed: Called after something was handed over.
        """
        self.roster = roster
        self._handed = handed
        self.touched: set[Hand] = set()

    def give(self, hand: Hand, connection: Handed) -> None:
        """
        Hand a connection over with the next L{flush}.
        """
        self.touched.add(hand)
        if not hand.put(connection):
            self.roster.note(hand)

    def flush(self) -> list[Handed]:
        """
        Hand over what was given.

        @return: What nobody got after all, in the order in which it was given.
        """
        if not self.touched:
            return []
        refused = []
        for hand in self.touched:
            back = hand.flush()
            if back:
                self.roster.note(hand)
                refused += back
        self.touched.clear()
        self._handed()
        return refused
