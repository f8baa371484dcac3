"""
One worker process: its start, its life, its end.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from twisted_cluster.core.endings import Ending
from twisted_cluster.core.lifecycle import LifeEffects, newLifecycle
from twisted_cluster.core.messages import Listening
from twisted_cluster.errors import (
    ChannelClosedError,
    ChannelClosedHereError,
    ClusterError,
)
from twisted_cluster.primary.door.hands import Hand, descriptors
from twisted_cluster.primary.lives.burial import bury, guarded
from twisted_cluster.primary.lives.child import Child
from twisted_cluster.primary.lives.conversation import LAST_MESSAGES
from twisted_cluster.primary.lives.guardian import Charge
from twisted_cluster.primary.lives.history import History
from twisted_cluster.primary.lives.kit import Kit
from twisted_cluster.primary.lives.patience import Patience
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.lives.rooms import Rooms
from twisted_cluster.primary.lives.said import Said, Speaker
from twisted_cluster.primary.lives.told import tell
from twisted_cluster.primary.lives.unready import ReadinessTold
from twisted_cluster.primary.lives.watcher import Watcher
from twisted_cluster.talk.peer import Peer


class WorkerProcess:
    """
    Starts one worker, tells what becomes of it, and buries it.

    @ivar number: Its slot, from 1.
    @ivar id: Counts the primary's workers, from 1; never used again.
    @ivar state: C{"starting"}, C{"ready"}, C{"not ready"} or C{"leaving"}.
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
        self.said = Said(
            lambda: self.speaker, rooms.listeners.takers.whyTaken, recipe.logRate
        )
        self._history = History(rooms.reactor)
        self._rooms = rooms
        self._recipe = recipe
        self._watcher = watcher
        self.state = "starting"
        self._hasSaidLeaving: set[bool] = set()
        self.life = newLifecycle(self._effects(recipe.outgoing))
        self._readiness = ReadinessTold(rooms.reactor, self)
        self._patience = Patience(
            rooms.reactor, recipe.drainTimeout, recipe.stopTimeout, self.life.overdue
        )
        self.kit = Kit.make(rooms, recipe, self)

    def _effects(self, mayFinishStart: bool) -> LifeEffects:
        return LifeEffects(
            self._enter,
            self._withdraw,
            self._leave,
            self._sendDrain,
            self._askWhen,
            self._release,
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
        return self._history.age

    @property
    def ending(self) -> Ending:
        """
        How it has ended.
        """
        # As it says: no more than it can have had.
        cut = min(descriptors(), self.kit.wires.page.cut) or self.served
        why = ""
        if cut and self._patience.isDrainOver:
            why = f"its drain time-out of {self.drainTimeout:g} s was over"
        return self._history.endingOf(self.child, cut, why)

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
        return self.state in ("ready", "not ready")

    @property
    def isReady(self) -> bool:
        """
        Whether it may be offered connections.
        """
        return self.state == "ready"

    @property
    def served(self) -> int:
        """
        How many connections it serves, as it says: no more than it can have.
        """
        served = self.hand.page.opened - self.hand.page.closed
        return max(0, min(descriptors(), served))

    @property
    def drainTimeout(self) -> float:
        """
        How long it may finish what it serves, in seconds.
        """
        return self._recipe.drainTimeout

    @property
    def drainLeft(self) -> float:
        """
        The same of what is left, if it is to end already.
        """
        return self._patience.drainLeft

    @property
    def left(self) -> float:
        """
        How long it may still take to end, before it is killed.
        """
        return self._patience.left

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
        self._history.begin()
        self.kit.start(self._rooms, self._recipe, self.number, self.id)
        if self.pid is not None:
            self._rooms.listeners.takers.workers[self.pid] = self.number
            self._beGuarded(self.pid)
        tell("debug", "{worker} is started", self)

    def _beGuarded(self, pid: int) -> None:
        guardian, recipe = self._rooms.guardian, self._recipe
        if guardian is not None:
            seconds = recipe.drainTimeout + recipe.stopTimeout
            guardian.add(recipe.origin.executable, Charge(pid, self.name, seconds))

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

    def release(self) -> None:
        """
        It was told to end by a signal, and may.
        """
        self.life.released()

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

    def askStacks(self) -> Deferred[str]:
        """
        @return: Fires with the stack of every thread, within a second; fails with a
            L{CommandError<twisted_cluster.errors.CommandError>} if it cannot be seen.
        """
        return self.kit.stacks.ask()

    def passOn(self, number: int) -> bool:
        """
        Have its application get a signal, if that has a handler for it.

        @return: Whether it can be told.
        """
        if self.isOnline and self.isConnected:
            self.kit.conversation.saySignal(number)
            return True
        return False

    @property
    def isTraced(self) -> bool:
        """
        Whether somebody looks at it with a debugger, that is in it or beside it.
        """
        return self.hand.isDebugged or self.kit.stacks.isTraced

    def abort(self, why: str) -> None:
        """
        End a process that does not work: nothing that it says is waited for.
        """
        self._history.because(why)
        self._expectEnd()
        self.life.lost()
        self.child.abort()

    def kill(self, why: str = "") -> None:
        """
        End it now.

        @param why: For whoever wonders; nobody does where a user wants it.
        """
        self._history.because(why)
        self.child.kill()

    def refuse(self, error: ClusterError) -> None:
        """
        It has done what no worker of ours does: end it, and tell of it.
        """
        self.kit.conversation.refuse(error)

    def _expectEnd(self) -> None:
        self.state = "leaving"
        self._patience.begin()

    def _runOutOfTime(self) -> None:
        self.kill(f"it had not ended within {self._patience.seconds:g} s")

    def _sendDrain(self) -> None:
        self.kit.conversation.sayDrain(self.drainTimeout)

    # What it says

    def born(self) -> None:
        """
        Its process is there.
        """
        self._watcher.born(self)

    def online(self, isReady: bool = True) -> None:
        """
        Its reactor runs.

        @param isReady: Whether its application has started.
        """
        (self.life.online if isReady else self.life.unready)()

    def ready(self, isReady: bool) -> None:
        """
        It may be offered connections from now on, or is to be offered none.
        """
        (self.life.ready if isReady else self.life.unready)()

    def listening(self, where: Listening) -> None:
        """
        It listens.
        """
        self._watcher.listening(self, where)

    def leaving(self, planned: bool) -> None:
        """
        It ends, or asks when it is to.

        @param planned: Whether it wants that itself; else it was sent a signal.
        """
        if planned in self._hasSaidLeaving:
            # Each is said once, and told of once, however often a broken worker says it.
            return
        self._hasSaidLeaving.add(planned)
        self._history.isTold = not planned
        if not planned:
            self.life.told()
            return
        self._expectEnd()
        self.life.leaving()
        self._watcher.leaving(self, planned)

    def _askWhen(self) -> None:
        self.kit.conversation.sayStay()
        self._watcher.told(self)

    def _release(self) -> None:
        self._expectEnd()
        self.kit.conversation.sayDrain(self.drainTimeout, planned=False)
        self._watcher.leaving(self, False)

    def lost(self) -> None:
        """
        It is ending without a word, or has closed what it cannot do without.
        """
        self._expectEnd()
        self._patience.extend()
        self.life.lost()
        self._disconnected()

    def exited(self) -> None:
        """
        Its process is gone, or cannot be killed.
        """
        # Its last words first: it may have said that it leaves.
        guarded(self.name, "hear it out", self.kit.conversation.read, LAST_MESSAGES)
        self.life.exited()

    # What becomes of it

    def _enter(self) -> None:
        isFirst, self.state = self.state == "starting", "ready"
        self._rooms.door.enter(self.hand)
        if isFirst:
            self._history.wasReady = True
            self.said.release()
            self._watcher.online(self)
        else:
            self._readiness.tell(True)

    def _withdraw(self) -> None:
        self.state = "not ready"
        self._rooms.door.withdraw(self.hand)
        self._readiness.tell(False)

    def _leave(self) -> None:
        self.state = "leaving"
        self._readiness.end()
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
        self._rooms.door.redirect(self.hand.takeBack(), self.hand)
        self._watcher.disconnected(self)

    def _bury(self, isExpected: bool) -> None:
        self._patience.end()
        self._history.isPlanned = isExpected
        bury(self, self._rooms, self.kit, self._disconnected)
        try:
            self._watcher.gone(self, isExpected)
        finally:
            # Descriptors may have come with what nobody has heard.
            self.peer.drop()
