"""
What a worker does when it is to end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

from twisted.internet.error import ReactorNotRunning
from twisted.internet.tcp import Client
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.logged import logging
from tests.worker.doubles import FakeControl, Worker
from tests.worker.test_intake import TakingPort
from twisted_cluster.core.codecs import codecNamed
from twisted_cluster.core.frames import PUBLISH
from twisted_cluster.core.messages import Leaving
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.talk.ears import Ears
from twisted_cluster.talk.peer import Peer
from twisted_cluster.wire.descriptors import Announcement
from twisted_cluster.wire.handoff import HandoffQueue
from twisted_cluster.wire.mail import Mail
from twisted_cluster.worker.departure import Departure
from twisted_cluster.worker.descriptors import Descriptors
from twisted_cluster.worker.intake import Intake
from twisted_cluster.worker.ports.orphans import LAST_SERVICE
from twisted_cluster.worker.vitals import Vitals

TIMEOUT = 5.0


class Reactor(MemoryReactorClock):
    """
    Has time, and notes that it is stopped.
    """

    stops = 0

    def callFromThread(self, callee: Callable[[], object]) -> None:
        self.callLater(0, callee)

    def callWhenRunning(self, callee: Callable[[], object]) -> None:
        callee()

    def stop(self) -> None:
        if self.stops:
            raise ReactorNotRunning("it stops already")
        self.stops += 1


class ClosableControl(FakeControl):
    """
    @ivar isClosed: Whether nothing can be told any more.
    """

    isClosed = False

    def close(self) -> None:
        self.isClosed = True


class Port(TakingPort):
    """
    @ivar isReleased: Whether nobody is let in any more.
    """

    isReleased = False

    def release(self) -> None:
        self.isReleased = True


class BrokenPort(Port):
    """
    Cannot be let go of.
    """

    def release(self) -> None:
        raise SystemExit("no")


class SlowPort(Port):
    """
    Serves who waits before it lets go.

    @ivar wasFirst: Whether what is held was not let go of meanwhile.
    """

    wasFirst = False

    def __init__(self, held: Port) -> None:
        super().__init__()
        self._held = held

    def release(self) -> None:
        time.sleep(LAST_SERVICE + 0.1)
        self.wasFirst = not self._held.isReleased


class Leaver:
    """
    A worker that is to end.
    """

    def __init__(self, outgoing: bool = False) -> None:
        self.control = ClosableControl()
        self.worker = Worker(self.control)
        self.reactor, self.page = Reactor(), self.worker.page
        self.register = self.worker.register
        whole = cast(IClusterReactor, self.reactor)
        self.queue = HandoffQueue()
        self.broken, self.port = BrokenPort(), Port()
        self.register.served.update({1: self.broken, 2: self.port})
        ours, self.primary = Mail.pair()
        ears = Ears(lambda frame: None, lambda error: None)
        self.peer = Peer(whole, ours, codecNamed("json"), ears)
        self.closed = 0
        self.onClosed: Callable[[], None] = lambda: None
        self.departure = Departure(
            whole,
            Announcement(1, drainTimeout=TIMEOUT, outgoing=outgoing),
            self.register,
            Intake(
                whole,
                self.queue.worker,
                self.register,
                Vitals(self.page, self.queue.worker.fileno, Descriptors(None)),
                lambda: None,
            ),
            self.peer,
            self.disconnected,
        )

    def disconnected(self) -> None:
        """
        The channel is closed.
        """
        self.closed += 1
        self.onClosed()

    def turn(self) -> None:
        """
        The loop turns, and time passes a little.
        """
        self.reactor.advance(0.01)
        self.departure.tick()

    def endConnection(self) -> None:
        """
        A connection ends.
        """
        self.page.closed += 1
        for ended in self.register.ended:
            ended()

    def close(self) -> None:
        """
        The end.
        """
        self.peer.close()
        self.primary.close()
        self.queue.close()
        self.worker.close()


class DepartureTests(SynchronousTestCase):
    """
    Each ends in its own way.
    """

    def newLeaver(self, outgoing: bool = False) -> Leaver:
        made = Leaver(outgoing)
        self.addCleanup(made.close)
        return made

    def test_servesToTheEnd(self) -> None:
        """
        Nobody is let in any more; when the last connection has ended the channel is
        closed, and the reactor stops. A port that cannot be let go of is said.
        """
        one = self.newLeaver()
        one.page.opened = 2
        one.departure.drain(TIMEOUT)
        assert len(self.flushLoggedErrors(SystemExit)) == 1
        assert one.port.isReleased
        assert (one.departure.planned, one.departure.isServing) == (True, False)
        one.endConnection()
        one.turn()
        assert one.departure.isConnected
        one.endConnection()
        one.turn()
        assert not one.departure.isConnected
        assert (one.control.isClosed, one.closed, one.reactor.stops) == (True, 1, 1)
        assert one.control.heard == []

    def test_whoeverIsSignalledSaysSo(self) -> None:
        """
        It is no end that was wanted; a second signal ends it at once.
        """
        one = self.newLeaver()
        one.page.opened = 1
        one.departure.signal(15)
        assert one.control.heard == [Leaving(False)]
        assert (one.departure.signalled, one.departure.planned) == (15, False)
        one.departure.leave()
        assert one.departure.planned
        one.departure.signal(2)
        assert (one.departure.signalled, one.reactor.stops) == (15, 1)
        self.flushLoggedErrors(SystemExit)

    def test_theFirstSignalIsNoSecondOne(self) -> None:
        """
        All processes may be sent it at once, as systemd does: the primary, which has it
        too, may be the first to tell this one. What a second one cuts is counted.
        """
        one = self.newLeaver()
        one.page.opened = 1
        one.departure.drain(TIMEOUT)
        one.departure.signal(15)
        assert (one.reactor.stops, one.page.cut) == (0, 0)
        one.departure.signal(15)
        assert (one.reactor.stops, one.page.cut) == (1, 1)
        self.flushLoggedErrors(SystemExit)

    def test_whatASecondSignalCutsIsCountedOnce(self) -> None:
        """
        The application may take longer to stop than it had to drain, and connections are
        closed meanwhile: they have been cut all the same.
        """
        one = self.newLeaver()
        one.page.opened = 2
        one.departure.drain(TIMEOUT)
        one.departure.signal(15)
        one.departure.signal(15)
        one.endConnection()
        with logging() as logged:
            one.reactor.advance(TIMEOUT)
        assert one.page.cut == 2
        assert not [text for text in logged.texts() if "to finish are over" in text]
        self.flushLoggedErrors(SystemExit)

    def test_servicesThatRaiseSystemExitHoldNothingUp(self) -> None:
        """
        A worker that serves nobody ends at once.
        """

        def services() -> list[object]:
            raise SystemExit("no")

        one = self.newLeaver()
        one.departure.services = services
        one.departure.drain(TIMEOUT)
        for _ in range(3):
            one.turn()
        assert one.reactor.stops == 1
        self.flushLoggedErrors(SystemExit)

    def test_anEndThatIsWantedIsSaid(self) -> None:
        """
        With grace, and at once.
        """
        for end in (Departure.leave, Departure.quit):
            one = self.newLeaver()
            end(one.departure)
            one.turn()
            one.turn()
            assert one.control.heard == [Leaving(True)]
            assert one.reactor.stops == 1
        self.flushLoggedErrors(SystemExit)

    def test_theTimeIsOver(self) -> None:
        """
        A connection that does not end is not waited for any longer.
        """
        one = self.newLeaver()
        one.page.opened = 1
        one.departure.leave()
        one.reactor.advance(TIMEOUT - 0.1)
        one.turn()
        assert one.reactor.stops == 0
        with logging() as logged:
            one.reactor.advance(0.1)
        assert one.reactor.stops == 1
        assert (
            f"{TIMEOUT:g} s to finish are over: 1 connections are cut" in logged.texts()
        )
        self.flushLoggedErrors(SystemExit)

    def test_mailThatNobodyReadsIsNotWaitedForLonger(self) -> None:
        """
        It is dropped when the time is over.
        """
        one = self.newLeaver()
        sent = one.peer.tell(PUBLISH, 0, b"", b'"' + b"x" * 5_000_000 + b'"')
        sent.addErrback(lambda failure: None)
        one.departure.drain(TIMEOUT)
        for _ in range(10):
            one.turn()
        assert one.departure.isConnected
        one.reactor.advance(TIMEOUT)
        assert (one.departure.isConnected, one.reactor.stops) == (False, 1)
        self.flushLoggedErrors(SystemExit)

    def test_withoutAPrimaryItServesOn(self) -> None:
        """
        Until nothing is left to serve.
        """
        one = self.newLeaver()
        one.page.opened = 1
        one.departure.abandon()
        assert (one.closed, one.departure.planned) == (1, False)
        one.turn()
        assert one.reactor.stops == 0
        one.endConnection()
        one.turn()
        assert one.reactor.stops == 1
        self.flushLoggedErrors(SystemExit)

    def test_theApplicationMayStopItsReactorItself(self) -> None:
        """
        As when it hears that the channel is closed: that is no failure.
        """
        leaver = self.newLeaver()
        leaver.onClosed = leaver.reactor.stop
        leaver.departure.drain(TIMEOUT)
        leaver.turn()
        assert leaver.reactor.stops == 1
        assert len(self.flushLoggedErrors(SystemExit)) == 1
        assert self.flushLoggedErrors() == []

    def test_whatItHasOpenedItselfIsWaitedForWhereThatWasAskedFor(self) -> None:
        """
        As Node's workers do.
        """
        for outgoing in (False, True):
            one = self.newLeaver(outgoing)
            client = Client.__new__(Client)
            one.reactor.addReader(client)
            one.departure.leave()
            one.turn()
            one.turn()
            assert one.departure.isConnected is False
            assert one.reactor.stops == (0 if outgoing else 1)
            one.reactor.removeReader(client)
            one.turn()
            assert one.reactor.stops == 1
        self.flushLoggedErrors(SystemExit)

    def test_anOrphanServesItsBacklogFirst(self) -> None:
        """
        Though that takes longer than one that sleeps has.
        """
        one, held = self.newLeaver(), Port()
        orphans = one.register.orphans
        orphans.hold(held)
        slow = SlowPort(held)
        one.register.served = {1: slow}
        one.worker.wire.close()
        one.departure.abandon()
        assert slow.wasFirst
        assert orphans._thread is not None
        orphans._thread.join(5.0)
        assert held.isReleased
