"""
One worker process: its start, its life, its burial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_cluster.core.codecs import codecNamed
from twisted_cluster.core.counting import talliesFor
from twisted_cluster.core.lifecycle import Effects, newLifecycle
from twisted_cluster.core.messages import Listening
from twisted_cluster.errors import ChannelClosedError, ChannelClosedHereError
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.lives.child import Child
from twisted_cluster.primary.lives.conversation import Conversation
from twisted_cluster.primary.lives.output import Records
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.primary.lives.streams import StandardStreams
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.primary.lives.wires import Wires
from twisted_cluster.talk.peer import Peer

log = Logger()

# A worker stops by itself when its drain has taken too long; this is for its own stop.
GRACE = 2.0
# What was sent to a worker before it is told to end it is to hear first, but a worker
# that reads nothing of it is told all the same, with most of its time before it.
UNHEARD = 1.0


class WorkerProcess:
    """
    Starts one worker, tells what becomes of it, and buries it.

    @ivar number: Its slot, from 1.
    @ivar id: Counts the primary's workers, from 1; never used again.
    @ivar state: C{"starting"}, C{"ready"} or C{"leaving"}.
    @ivar output: Its standard streams.
    @ivar said: What it says for the log.
    @ivar child: Its process.
    @ivar hand: The worker, as the door and the table know it.
    """

    output: StandardStreams
    child: Child
    hand: Hand
    _wires: Wires
    _records: Records
    _conversation: Conversation

    def __init__(
        self,
        rooms: Rooms,
        number: int,
        id: int,
        recipe: Recipe,
        watcher: Watcher[WorkerProcess],
    ) -> None:
        self.number = number
        self.id = id
        self.said = Said(lambda: self.name)
        self._isTold = False
        self._rooms = rooms
        self._recipe = recipe
        self._watcher = watcher
        self._overdue: IDelayedCall | None = None
        self.state = "starting"
        giveUp = self._sendDrain if recipe.outgoing else self.kill
        self.life = newLifecycle(
            Effects(
                self._enter,
                self._leave,
                self._sendDrain,
                giveUp,
                self._runOutOfTime,
                self._bury,
            )
        )

    @property
    def name(self) -> str:
        """
        What the log calls it.
        """
        return f"worker {self.number} ({self.child.pid})"

    @property
    def pid(self) -> int | None:
        """
        The process, or L{None} before.
        """
        return self.child.pid

    @property
    def wasTold(self) -> bool:
        """
        Whether somebody outside has told it to end, by a signal.
        """
        return self._isTold or self.child.isTold

    @property
    def isConnected(self) -> bool:
        """
        Whether it can be told anything.
        """
        return self._conversation.isOpen

    @property
    def isOnline(self) -> bool:
        """
        Whether its application has started, and it is not to end.
        """
        return self.state == "ready"

    @property
    def heartbeat(self) -> int:
        """
        Its last sign of life, in monotonic nanoseconds.
        """
        return self.hand.page.heartbeat

    @property
    def deafSince(self) -> int | None:
        """
        Since when it has taken nothing of what it was handed, in the same.
        """
        return self.hand.takesNothing

    @property
    def served(self) -> int:
        """
        How many connections it serves.
        """
        return max(0, self.hand.page.opened - self.hand.page.closed)

    @property
    def drainTimeout(self) -> float:
        """
        How long it may finish what it serves, in seconds.
        """
        return self._recipe.drainTimeout

    @property
    def peer(self) -> Peer:
        """
        Users' messages to it and from it.
        """
        return self._conversation.peer

    # Its start

    def spawn(self) -> None:
        """
        Start the process.

        @raise OSError: If the system has no room for one; nothing is left of it then.
        """
        self.prepare()
        self.start()

    def prepare(self) -> None:
        """
        Make all that it needs: what is sent to it now it finds there when it starts.

        @raise OSError: If the system has no room for that; nothing is left of it then.
        """
        self.output = self._recipe.newOutput(self._rooms.reactor, self.said)
        self.child = Child(self.output, self._exited)
        try:
            self.connect()
        except BaseException:
            self.output.finish()
            self.output.spawned(self.child)
            raise

    def start(self) -> None:
        """
        Start the process.

        @raise OSError: If the system has no room for one; nothing is left of it then.
        """
        try:
            self._start(self.child, self.output.childFDs())
        except BaseException:
            self.output.finish()
            self._cut()
            raise
        finally:
            self.output.spawned(self.child)
            self._wires.given()
        log.info("{worker} is started", worker=self.name)

    def connect(self) -> Wires:
        """
        Make its wires, and read them.
        """
        limits = self._rooms.limits
        self._wires = wires = Wires.make(talliesFor(limits))
        post = self._recipe.postOf(self.id, self.number)
        self.hand = Hand(post, wires.page, wires.queue, limits.worker)
        self._records = Records(self._rooms.reactor, wires.log, self.said)
        codec = codecNamed(self._recipe.serialization)
        self._conversation = Conversation(self._rooms, wires, self.hand, codec, self)
        return wires

    def _start(self, child: Child, streams: Mapping[int, int | str]) -> None:
        recipe, first = self._recipe, max(streams) + 1
        tallies = talliesFor(self._rooms.limits)
        child.start(
            self._rooms.reactor,
            recipe.command,
            recipe.environmentOf(self.number, self.id, first, tallies),
            {**streams, **self._wires.childFDs(first)},
            recipe.directory,
            recipe.uid,
            recipe.gid,
        )

    # What it is told

    def retire(self) -> None:
        """
        End it with grace; after the drain time-out, without.
        """
        self._expectEnd()
        self.life.retire()

    def disconnect(self) -> None:
        """
        Close the channel, as if this primary were gone.
        """
        self._expectEnd()
        self.life.dismissed()
        self._disconnected(ChannelClosedHereError("this process has disconnected it"))

    def signalProcess(self, number: int) -> None:
        """
        Send a signal. A process that has ended already is let be.
        """
        self.child.signal(number)

    def kill(self) -> None:
        """
        End it now.
        """
        self.child.kill()

    def _expectEnd(self) -> None:
        self.state = "leaving"
        if self._overdue is None:
            patience = self._recipe.drainTimeout + GRACE
            later = self._rooms.reactor.callLater
            self._overdue = later(patience, self.life.overdue)

    def _runOutOfTime(self) -> None:
        seconds = self._recipe.drainTimeout + GRACE
        log.warn(
            "{worker} has not ended within {seconds:g} s: it is killed",
            worker=self.name,
            seconds=seconds,
        )
        self.kill()

    def _sendDrain(self) -> None:
        patience = min(UNHEARD, self._recipe.drainTimeout / 2)
        told = self.peer.mail.flushed()
        told.addTimeout(patience, self._rooms.reactor, lambda result, timeout: None)
        told.addCallback(lambda _: self._sendDrainNow(self._recipe.drainTimeout))

    def _sendDrainNow(self, timeout: float) -> None:
        self._conversation.sayDrain(timeout)

    # What it says

    def born(self) -> None:
        """
        Its process is there.
        """
        self._watcher.born(self)

    def online(self) -> None:
        """
        Its application has started.
        """
        self.life.online()

    def listening(self, where: Listening) -> None:
        """
        It listens.
        """
        self._watcher.listening(self, where)

    def leaving(self, planned: bool) -> None:
        """
        It ends.

        @param planned: Whether it wants that itself; else it was sent a signal.
        """
        self._isTold = not planned
        why = "of its own will" if planned else "upon a signal"
        log.info(
            "{worker} ends, {why}: {count} connections are served still, for "
            "{seconds:g} s at most",
            worker=self.name,
            why=why,
            count=self.served,
            seconds=self.drainTimeout,
        )
        self._expectEnd()
        self.life.leaving()
        self._watcher.leaving(self, planned)

    def lost(self) -> None:
        """
        It is ending without a word, or has closed what it cannot do without.
        """
        self._expectEnd()
        self.life.lost()
        self._disconnected()

    def _exited(self) -> None:
        # Its last words first: it may have said that it leaves.
        self._guarded("hear it out", self._conversation.read)
        self.life.exited()

    # What becomes of it

    def _enter(self) -> None:
        self.state = "ready"
        self.said.release()
        log.info("{worker} is online", worker=self.name)
        self._rooms.door.enter(self.hand)
        self._watcher.online(self)

    def _leave(self) -> None:
        self.state = "leaving"
        self._rooms.door.leave(self.hand)
        self._rooms.listeners.retire(self.hand)

    def _disconnected(self, error: ChannelClosedError | None = None) -> None:
        """
        It is told nothing more; what it has not taken others get.
        """
        if not self._conversation.isOpen:
            return
        self._conversation.end(error or ChannelClosedError("the worker is gone"))
        self._leave()
        self._rooms.door.redirect(self.hand.takeBack())
        self._watcher.disconnected(self)

    def _bury(self, isExpected: bool) -> None:
        """
        The process is gone: whatever one step raises, somebody is to know.
        """
        if self._overdue is not None and self._overdue.active():
            self._overdue.cancel()
        rooms, hand = self._rooms, self.hand
        self._guarded("log what it wrote", self.output.finish)
        self._guarded("log what it said", self._records.finish)
        self._sayHowItEnded(isExpected)
        self._guarded("forget it at the door", rooms.door.forget, hand)
        self._guarded("forget where it listened", rooms.listeners.forget, hand)
        self._guarded("take what it sent back", self._conversation.readReturned)
        self._guarded("take what it has not taken", self._disconnected)
        self._guarded("cut its wires", self._cut)
        self._watcher.gone(self, isExpected)

    def _guarded(
        self, what: str, step: Callable[..., object], *arguments: object
    ) -> None:
        try:
            step(*arguments)
        except BaseException:
            log.failure("{worker}: cannot {what}", worker=self.name, what=what)

    def _sayHowItEnded(self, isExpected: bool) -> None:
        if self.child.exitSignal is not None:
            isExpected = isExpected and (self.child.isKilled or self.wasTold)
        say = log.info if isExpected else log.error
        ending = self.child.ending
        if self.child.exitSignal == "SIGKILL" and not self.child.isKilled:
            ending += ", not by the cluster: out of memory?"
        say("{worker} {ending}", worker=self.name, ending=ending)

    def _cut(self) -> None:
        self._conversation.close()
        self._records.finish()
        self._wires.cut()
