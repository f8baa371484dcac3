"""
What stream ports do differently in a worker, whatever their kind.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet import tcp
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall
from twisted.python import log
from twisted.python.failure import Failure

from twisted_cluster.core.messages import HANDOFF, KERNEL
from twisted_cluster.events import ListenOptions, ListenSpec
from twisted_cluster.wire.handed import Handed
from twisted_cluster.worker.inquiry import Joined
from twisted_cluster.worker.ports.accepting import serveSome
from twisted_cluster.worker.ports.announced import AnnouncedPort
from twisted_cluster.worker.ports.limits import LimitedPort
from twisted_cluster.worker.ports.meter import Meter
from twisted_cluster.worker.ports.orphans import stopPolling
from twisted_cluster.worker.ports.register import Register
from twisted_cluster.worker.ports.sockets import AnySocket, PolledSocket
from twisted_cluster.worker.ports.standing import DeliveredSocket, SharedSocket

# How much a worker accepts at once from a socket that others accept from as well.
SHARE = 4
# The same of one from which nobody else does: what it has accepted nobody else can serve.
OWN_SHARE = 16
# And at the end: as much as a backlog usually holds.
FAREWELL = 1024
# Seconds after which a socket that listens no more is looked at again: another worker has
# done that, and the primary undoes it.
UNTIL_MENDED = 0.05
# Seconds for which one that is full need not say so: if somebody leaves by then, who
# has come to it meanwhile need not go to others.
UNTIL_OUT = 0.005


class DeliveredPort(LimitedPort, AnnouncedPort):
    """
    What a stream port does differently in a worker.

    The primary owns its socket, and hands connections over, or has the workers accept
    them. An exclusive port is the worker's own, and so is one that the application
    opens on port 0 while the reactor runs (FTP's passive mode).

    @ivar options: What the application asked for beyond the stock arguments.
    @ivar handedOver: Whether the primary accepts its connections.
    @ivar taking: Whether it takes connections now.
    @ivar listener: The number of the primary's listener that is meant; 0 if the stock
        arguments say it.
    """

    options: ListenOptions
    handedOver = False
    taking = False
    _paused = False
    _polling = False
    _released = False
    _rests = False
    _isSteered = False
    _isOut = False
    _outSoon: IDelayedCall | None = None
    ordinal = listener = 0
    spec: ListenSpec
    socket: DeliveredSocket | PolledSocket

    def _configure(self, register: Register, options: ListenOptions) -> None:
        self.register = register
        self.options = options
        self._most = options.maxConnections
        self._closesMore = options.dropMaxConnections

    @property
    def hidden(self) -> bool:
        """
        Whether it reads, as far as the application can tell, but not by the reactor.
        """
        return self.taking and not self._polling

    @property
    def room(self) -> int | None:
        own, all = super().room, self.register.room if self._isSteered else None
        return all if own is None else own if all is None else min(own, all)

    def _join(self, interface: str | None, where: int | bytes | str) -> None:
        """
        Have the primary listen.

        @raise CannotListenError: If it cannot.
        """
        self._begin()
        try:
            joined = self.register.listen(self.spec, self.room, self.listener)
        except OSError as error:
            raise CannotListenError(interface, where, error) from error
        self.number, self.ordinal = joined.number, joined.ordinal
        self.handedOver = joined.mode == HANDOFF
        self._isSteered = joined.mode == KERNEL
        if self._isSteered:
            self.register.most = joined.most
        self.register.served[joined.number] = self
        self._startMeter(joined.number)
        try:
            made = self._socketOf(joined)
        except OSError as error:
            self.abandon()
            raise CannotListenError(interface, where, error) from error
        if self.spec.fd is not None:
            self.addressFamily = made.family
        self._preexistingSocket = made

    def _socketOf(self, joined: Joined) -> DeliveredSocket | PolledSocket:
        if joined.socket is not None:
            return DeliveredSocket(joined.socket, joined.number, self.register.endings)
        assert joined.fd is not None, "neither a socket, nor what there is to say of it"
        register, count = self.register, None
        if joined.mode == KERNEL:
            count = partial(register.page.accept, joined.number)
        shared = SharedSocket(
            joined.fd, self.mustDrop, register.expect, register.endings, count
        )
        shared.listener = joined.number
        shared.broken = self._rest
        return shared

    def _serve(self, start: Callable[[], None]) -> None:
        """
        Begin with the socket of L{_join}.

        @param start: As a stock port does. If it fails, nothing is listened on.
        """
        made = self._preexistingSocket
        assert made is not None, "the primary was not asked"
        try:
            start()
        except BaseException:
            made.close()
            self.abandon()
            raise
        if not self.handedOver:
            self.register.orphans.hold(self.socket)

    def _begin(self) -> None:
        self.taking = self._paused = self._polling = self._released = False
        self.handedOver = self._isSteered = self._isOut = False

    @property
    def standIn(self) -> DeliveredSocket | None:
        """
        What stands in for its listening socket, where only the primary has that.
        """
        return self.socket if isinstance(self.socket, DeliveredSocket) else None

    def _startMeter(self, number: int) -> None:
        meters = self.register.meters
        if number in meters:
            # It was told what else to give, but not what is still on its way.
            meters[number].told = None
            self.limitChanged()
        elif (self.handedOver or self._isSteered) and self.ownRoom is not None:
            meters[number] = Meter(0, self.ownRoom)

    def _listenAlone(self) -> None:
        """
        Listen without the primary.
        """
        self._begin()
        super().startListening()
        self.register.alone.add(self)
        if self.options.local:
            self.register.orphans.hold(self.socket)

    def createInternetSocket(self) -> AnySocket:
        made = super().createInternetSocket()
        if self.options.reusePort:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self.options.ipv6Only:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return PolledSocket(made.detach(), self.mustDrop, self.register.expect)

    def abandon(self) -> None:
        """
        Undo what C{startListening} did.
        """
        self.stopSaying()
        if self._outSoon is not None:
            self._outSoon.cancel()
            self._outSoon = None
        self.closings = None
        self.register.alone.discard(self)
        number, self.number = self.number, None
        if number is not None:
            self.register.leave(number)

    def deliver(self, connections: Sequence[Handed]) -> Sequence[Handed]:
        """
        Serve connections.

        @return: Those that the application did not want after all.
        """
        if not self.taking:
            return connections
        assert isinstance(self.socket, (DeliveredSocket, SharedSocket))
        admitted, refused = self.admit(connections)
        handed = self.socket.handed
        handed.extend(admitted)
        try:
            while handed and self.taking:
                # As many as there are, so that accept() need not fail to say so.
                log.callWithLogger(self, serveSome, self, len(handed))
        except BaseException:
            log.err(None, "who was told of a connection has failed")
        left = [*handed, *refused]
        handed.clear()
        return left

    def admit(
        self, connections: Sequence[Handed]
    ) -> tuple[Sequence[Handed], Sequence[Handed]]:
        room = self.register.room if self._isSteered else None
        if room is None:
            return super().admit(connections)
        # It may have accepted others while these were on their way.
        admitted, refused = super().admit(connections[:room])
        return admitted, [*refused, *connections[room:]]

    def doRead(self) -> None:
        """
        The reactor says that connections wait.
        """
        most, room = self.numberAccepts, self.room
        if self.number is not None:
            most = OWN_SHARE if self._isSteered else SHARE
        if room is not None:
            most = min(most, room)
        if type(self.socket) is SharedSocket:
            serveSome(self, most)
        else:
            self.numberAccepts = most
            super().doRead()
        if room is not None:
            self._poll()

    def release(self) -> None:
        """
        Let go of the listening socket: nobody connects any more. What the application
        opened on port 0 for a while it may still need.
        """
        isTheirs = self.number is not None or self.options.local
        if self._released or not self.connected or not isTheirs:
            return
        if self._polling:
            self._takeAll()
        self._released = True
        self._poll()
        self.socket.release()
        if self.number is not None and not self.handedOver:
            self.register.sayReleased(self.number)

    def _takeAll(self) -> None:
        # Who connected before we said that we stop is served, as far as there is room.
        self.numberAccepts = FAREWELL if self.room is None else self.room
        log.callWithLogger(self, super().doRead)

    def limitChanged(self) -> None:
        if self.handedOver or self._isSteered:
            super().limitChanged()
        if self.connected and not self.handedOver:
            self._poll()

    def _poll(self) -> None:
        wanted = self.taking and not (self._released or self._rests) and self.room != 0
        if wanted and self.number is not None and not self.register.isOpen:
            wanted = False
        if wanted != self._polling:
            self._polling = wanted
            if wanted:
                super().startReading()
            else:
                stopPolling(super().stopReading, self)
        if self._isSteered and not self._released:
            # Of its own limit the primary knows, which hands over then.
            isFull = self.taking and self.ownRoom == 0
            self._sayOut(not (wanted or isFull))

    def _sayOut(self, isOut: bool) -> None:
        """
        Have the kernel choose others while this accepts nothing.
        """
        if isOut and self.taking and self.room == 0 and not self._isOut:
            if self._outSoon is None:
                self._outSoon = self.reactor.callLater(UNTIL_OUT, self._sayStillOut)
        elif self.number is not None and isOut != self._isOut:
            self._isOut = isOut
            self.register.control.pause(self.number, isOut)

    def _sayStillOut(self) -> None:
        self._outSoon = None
        if self.number is not None and not (
            self._isOut or self._polling or self._released
        ):
            self._isOut = True
            self.register.control.pause(self.number, True)

    def startReading(self) -> None:
        if not self.taking:
            self.taking = True
            if not self.handedOver:
                self._poll()
            elif self._paused and self.number is not None:
                self._paused = False
                self.register.control.pause(self.number, False)

    def stopReading(self) -> None:
        if self.taking:
            self.taking = False
            if not self.handedOver:
                self._poll()
            elif self.number is not None:
                self._paused = True
                self.register.control.pause(self.number, True)

    def _rest(self) -> None:
        if not self._rests:
            self._rests = True
            self._poll()
            self.reactor.callLater(UNTIL_MENDED, self._goOn)

    def _goOn(self) -> None:
        self._rests = False
        if self.connected:
            self._poll()

    @property
    def _isBroken(self) -> bool:
        """
        Whether nobody here has wanted its end: the reactor has found a socket that does
        not listen. Another worker has shut it down, and by now it may be mended.
        """
        isStopping = getattr(self.reactor, "_stopped", False)
        isTheirs = self.number is not None and not self.handedOver
        return isTheirs and not (self._released or self.disconnecting or isStopping)

    def connectionLost(self, reason: Failure) -> None:
        if self._isBroken:
            self._rest()
            return
        self._unsay()
        self.register.orphans.forget(self.socket)
        self.letGo()
        self.abandon()
        tcp.Port.connectionLost(self, reason)

    def letGo(self) -> None:
        """
        Hold no copy of the primary's socket, which keeps its address taken, when the
        primary hears that this worker listens there no more.
        """
        if self.number is not None and not self.handedOver:
            self.taking = False
            self._poll()
            self.socket.letGo()
