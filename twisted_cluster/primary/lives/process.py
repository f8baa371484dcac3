"""
One worker process: its start, its life, its burial.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from twisted_cluster.core.endings import Ending
from twisted_cluster.core.lifecycle import LifeEffects, newLifecycle
from twisted_cluster.core.messages import Listening
from twisted_cluster.errors import ChannelClosedError, ChannelClosedHereError
from twisted_cluster.primary.door.hands import Hand
from twisted_cluster.primary.lives.child import Child
from twisted_cluster.primary.lives.conversation import LAST_MESSAGES
from twisted_cluster.primary.lives.kit import Kit
from twisted_cluster.primary.lives.patience import Patience
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.said import Said, Speaker
from twisted_cluster.primary.lives.told import tell
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.talk.peer import Peer

log = Logger()


class WorkerProcess:
    """
    Starts one worker, tells what becomes of it, and buries it.

    @ivar number: Its slot, from 1.
    @ivar id: Counts the primary's workers, from 1; never used again.
    @ivar state: C{"starting"}, C{"ready"} or C{"leaving"}.
    @ivar said: What it says for the log.
    @ivar kit: What this process has for it.
    """

    def __init__(
        self,
        rooms: Rooms,
        number: int,
        id: int,
        recipe: Recipe,
        watcher: Watcher[WorkerProcess],
    ) -> None:
        """
        Make all that it needs but its process.

        @raise OSError: If the system has no room for that; nothing is left of it then.
        """
        self.number = number
        self.id = id
        self.said = Said(lambda: self.speaker, rooms.listeners.takers.whyTaken)
        self._isTold = False
        self._begun = rooms.reactor.seconds()
        self._whyKilled = ""
        self._wasToEnd = False
        self._wasReady = False
        self._rooms = rooms
        self._recipe = recipe
        self._watcher = watcher
        self.state = "starting"
        self.life = newLifecycle(self._effects(recipe.outgoing))
        clock, seconds = rooms.reactor, recipe.drainTimeout
        self._patience = Patience(clock, seconds, self.life.overdue)
        self.kit = Kit.make(rooms, recipe, self)

    def _effects(self, mayFinishStart: bool) -> LifeEffects:
        return LifeEffects(
            self._enter,
            self._leave,
            self._sendDrain,
            self._sendDrain if mayFinishStart else self.kill,
            self._runOutOfTime,
            self._bury,
        )

    @property
    def name(self) -> str:
        """
        What the log calls it.
        """
        return f"worker {self.number} ({self.child.pid})"

    @property
    def speaker(self) -> Speaker:
        """
        Who it is in events that are about it.
        """
        return Speaker(self.number, self.id, self._recipe.generation, self.child.pid)

    @property
    def age(self) -> float:
        """
        How long it has been there, in seconds.
        """
        return self._rooms.reactor.seconds() - self._begun

    @property
    def ending(self) -> Ending:
        """
        How it has ended.
        """
        child = self.child
        return Ending(
            self.age,
            child.exitCode,
            child.exitSignal,
            self._wasToEnd,
            self.wasTold,
            child.isKilled,
            self._whyKilled or self._whyCut,
            self._wasReady,
            self._cut,
        )

    @property
    def _cut(self) -> int:
        return self.kit.wires.page.cut or self.served

    @property
    def _whyCut(self) -> str:
        if not self._cut or not self._patience.isDrainOver:
            return ""
        return f"its drain time-out of {self.drainTimeout:g} s was over"

    @property
    def child(self) -> Child:
        """
        Its process.
        """
        return self.kit.child

    @property
    def hand(self) -> Hand:
        """
        The worker, as the door and the table know it.
        """
        return self.kit.hand

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
        return self.kit.conversation.isOpen

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
    def isHeld(self) -> bool:
        """
        Whether somebody looks at it with a debugger.
        """
        return self.hand.page.held > 0

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
        return self.kit.conversation.peer

    # Its start

    def spawn(self) -> None:
        """
        Start the process.

        @raise OSError: If the system has no room for one; nothing is left of it then.
        """
        self._begun = self._rooms.reactor.seconds()
        self.kit.start(self._rooms, self._recipe, self.number, self.id)
        if self.pid is not None:
            self._rooms.listeners.takers.workers[self.pid] = self.number
        tell("debug", "{worker} is started", self)

    @property
    def isStarted(self) -> bool:
        """
        Whether there is a process, or was.
        """
        return self.child.transport is not None

    def abandon(self) -> None:
        """
        It is not started after all: nothing is left of it.
        """
        self.kit.abandon()

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

    def kill(self, why: str = "") -> None:
        """
        End it now.

        @param why: For whoever wonders; nobody does where a user wants it.
        """
        self._whyKilled = self._whyKilled or why
        self.child.kill()

    def _expectEnd(self) -> None:
        self.state = "leaving"
        self._patience.begin()

    def _runOutOfTime(self) -> None:
        self.kill(f"it had not ended within {self._patience.seconds:g} s")

    def _sendDrain(self) -> None:
        self.kit.conversation.sayDrain(self._recipe.drainTimeout)

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

    def exited(self) -> None:
        """
        Its process is gone.
        """
        # Its last words first: it may have said that it leaves.
        self._guarded("hear it out", self.kit.conversation.read, LAST_MESSAGES)
        self.life.exited()

    # What becomes of it

    def _enter(self) -> None:
        self.state = "ready"
        self._wasReady = True
        self.said.release()
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
        if not self.kit.conversation.isOpen:
            return
        self.kit.conversation.end(error or ChannelClosedError("the worker is gone"))
        self._leave()
        self._rooms.door.redirect(self.hand.takeBack())
        self._watcher.disconnected(self)

    def _bury(self, isExpected: bool) -> None:
        """
        The process is gone: whatever one step raises, somebody is to know.
        """
        self._patience.end()
        rooms, kit, hand = self._rooms, self.kit, self.kit.hand
        self._guarded("log what it wrote", rooms.outliving.keep, kit.output, self.name)
        self._guarded("log what it said", kit.records.finish)
        self._guarded("find who has its port", self._sayWhoHas)
        self._wasToEnd = isExpected
        self._guarded("forget it at the door", rooms.door.forget, hand)
        self._guarded("forget where it listened", rooms.listeners.forget, hand)
        self._guarded(
            "take what it sent back", kit.conversation.readReturned, LAST_MESSAGES
        )
        self._guarded("take what it has not taken", self._disconnected)
        self._guarded("cut its wires", kit.cut)
        self._watcher.gone(self, isExpected)

    def _sayWhoHas(self) -> None:
        takers = self._rooms.listeners.takers
        takers.workers.pop(self.pid or 0, None)
        why = takers.whyTaken(self.said.tail)
        if why is not None:
            self.said.complain(why)

    def _guarded(
        self, what: str, step: Callable[..., object], *arguments: object
    ) -> None:
        try:
            step(*arguments)
        except BaseException:
            log.failure("{worker}: cannot {what}", worker=self.name, what=what)
