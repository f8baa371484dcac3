"""
The stream ports that the cluster reactor makes: stock ones, whose sockets the primary
owns.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError
from twisted.python import log

from twisted_cluster.core.messages import HANDOFF, Listening
from twisted_cluster.events import TCP, UNIX, ListenOptions, ListenSpec
from twisted_cluster.talk.handles import startBound
from twisted_cluster.wire.handoff import Handed
from twisted_cluster.worker.ports.limits import LimitedPort, Meter
from twisted_cluster.worker.ports.sockets import DeliveredSocket, PolledSocket

# How much a worker accepts at once from a socket that others accept from as well.
SHARE = 4
FAREWELL = 1024


class _Counted:
    """
    Counts itself on the scoreboard, and on the port that it came by, if by one.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.reactor.clusterLink.row.opened += 1  # type: ignore[attr-defined]
        port = self.server  # type: ignore[attr-defined]
        if port is not None:
            port.active += 1

    def connectionLost(self, reason: Any) -> None:
        counts = hasattr(self, "socket")
        super().connectionLost(reason)  # type: ignore[misc]
        if counts:
            link = self.reactor.clusterLink  # type: ignore[attr-defined]
            link.row.closed += 1
            port = self.server  # type: ignore[attr-defined]
            if port is not None:
                port.active -= 1
                if port.maxConnections is not None:
                    port.limitChanged()
            link.connectionClosed()


class CountedServer(_Counted, tcp.Server):
    """
    A TCP connection.
    """


class CountedUNIXServer(_Counted, unix.Server):
    """
    A UNIX connection.
    """


class DeliveredPort(LimitedPort):
    """
    What a stream port does differently in a worker.

    The primary owns its socket, and hands connections over, or has the workers accept
    them. An exclusive port is the worker's own, and so is one that the application
    opens on port 0 while the reactor runs (FTP's passive mode).

    @ivar number: The listener's, or L{None} if the primary has nothing to do with it.
    @ivar handedOver: Whether the primary accepts its connections.
    @ivar taking: Whether it takes connections now.
    """

    options = ListenOptions()
    handedOver = False
    taking = False
    _paused = False
    _polling = False
    _released = False
    ordinal = 0
    spec: ListenSpec
    socket: Any

    def configure(self, options: ListenOptions) -> None:
        """
        Take what the application asked for, before it listens.
        """
        self.options = options
        self._most = options.maxConnections
        self._closesMore = options.dropMaxConnections

    @property
    def hidden(self) -> bool:
        """
        Whether it reads, as far as the application can tell, but not by the reactor.
        """
        return self.taking and not self._polling

    def join(self, where: Any) -> None:
        """
        Have the primary listen.

        @raise CannotListenError: If it cannot.
        """
        self._begin()
        try:
            joined = self.link.listen(self.spec, self.room)
        except OSError as error:
            raise CannotListenError(*where, error) from error
        self.number, self.ordinal = joined.number, joined.ordinal
        self.handedOver = joined.mode == HANDOFF
        self.link.ports[joined.number] = self
        self._startMeter(joined.number)
        made: DeliveredSocket | PolledSocket = (
            DeliveredSocket(joined.fd, self.link.intake.endings)
            if self.handedOver
            else PolledSocket(joined.fd, self.mustDrop)
        )
        if self.spec.fd is not None:
            self.addressFamily = made.family
        self._preexistingSocket = made

    def _begin(self) -> None:
        self.taking = self._paused = self._polling = self._released = False
        self.handedOver = False

    def _startMeter(self, number: int) -> None:
        meters = self.link.meters
        if number in meters:
            # It was told what else to give, but not what is still on its way.
            meters[number].told = None
            self.limitChanged()
        elif self.handedOver and self.room is not None:
            meters[number] = Meter(0, self.room)

    def listenAlone(self) -> None:
        """
        Listen without the primary.
        """
        self._begin()
        super().startListening()  # type: ignore[misc]
        self.link.alone.add(self)

    def createInternetSocket(self) -> socket.socket:
        made = super().createInternetSocket()  # type: ignore[misc]
        if self.options.reusePort:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self.options.ipv6Only:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return PolledSocket(made.detach(), self.mustDrop)

    def abandon(self) -> None:
        """
        Undo L{join} or L{listenAlone}.
        """
        self.stopSaying()
        self.link.alone.discard(self)
        number, self.number = self.number, None
        if number is not None:
            self.link.unlisten(number)

    def deliver(self, connections: Sequence[Handed]) -> Sequence[Handed]:
        """
        Serve connections.

        @return: Those that the application did not want after all.
        """
        if not self.taking:
            return connections
        admitted, refused = self.admit(connections)
        handed = self.socket.handed
        handed.extend(admitted)
        while handed and self.taking:
            # As many as there are, so that accept() need not fail to say so.
            self.numberAccepts = len(handed)
            log.callWithLogger(self, super().doRead)  # type: ignore[misc]
        left = [*handed, *refused]
        handed.clear()
        return left

    def doRead(self) -> None:
        """
        The reactor says that connections wait.
        """
        if self.number is not None:
            self.numberAccepts = SHARE
        if self.room is not None:
            self.numberAccepts = min(self.numberAccepts, self.room)
        super().doRead()  # type: ignore[misc]
        self._poll()

    def release(self) -> None:
        """
        Let go of the listening socket: nobody connects any more. What the application
        opened on port 0 for a while it may still need.
        """
        isTheirs = self.number is not None or self.options.local
        if self._released or not self.connected or not isTheirs:  # type: ignore[attr-defined]
            return
        if self._polling:
            self._takeAll()
        self._released = True
        self._poll()
        self.socket.release()

    def _takeAll(self) -> None:
        # Who connected before we said that we stop is served, as far as there is room.
        self.numberAccepts = FAREWELL if self.room is None else self.room
        log.callWithLogger(self, super().doRead)  # type: ignore[misc]

    def limitChanged(self) -> None:
        if self.handedOver:
            super().limitChanged()
        elif self.connected:  # type: ignore[attr-defined]
            self._poll()

    def _poll(self) -> None:
        wanted = self.taking and not self._released and self.room != 0
        if wanted != self._polling:
            self._polling = wanted
            (super().startReading if wanted else super().stopReading)()  # type: ignore[misc]

    def startReading(self) -> None:
        if not self.taking:
            self.taking = True
            if not self.handedOver:
                self._poll()
            elif self._paused:
                self._paused = False
                self.link.pause(self.number, False)

    def stopReading(self) -> None:
        if self.taking:
            self.taking = False
            if not self.handedOver:
                self._poll()
            elif self.number is not None:
                self._paused = True
                self.link.pause(self.number, True)


class TCPPort(DeliveredPort, tcp.Port):
    """
    What C{listenTCP} returns in a worker.
    """

    transport = CountedServer

    def startListening(self) -> None:
        if self._isPrivate():
            self.listenAlone()
        else:
            self._listenTogether()
        self._sayListening()

    def _isPrivate(self) -> bool:
        options = self.options
        unnamed = not options.name and options.fd is None
        return options.local or (self.port == 0 and unnamed and self.reactor.running)

    def _listenTogether(self) -> None:
        self.spec = ListenSpec(
            TCP,
            self.interface,
            self.port,
            backlog=self.backlog,
            reuseAddress=getattr(self, "_reuseAddress", True),
            reusePort=getattr(self, "_reusePort", False),
            ipv6Only=self.options.ipv6Only,
            name=self.options.name,
            fd=self.options.fd,
        )
        self.join((self.interface, self.port))
        isIPv6 = self.addressFamily == socket.AF_INET6
        self._addressType = IPv6Address if isIPv6 else IPv4Address
        try:
            super().startListening()
        except BaseException:
            self.abandon()
            raise

    def _sayListening(self) -> None:
        version = 6 if self.addressFamily == socket.AF_INET6 else 4
        self.link.sayListening(
            Listening(
                self.interface or None, self._realPortNumber, version, self.options.fd
            )
        )

    def connectionLost(self, reason: Any) -> None:
        self.abandon()
        super().connectionLost(reason)


class UNIXPort(DeliveredPort, unix.Port):
    """
    What C{listenUNIX} returns in a worker. The file and its lock are the primary's.
    """

    transport = CountedUNIXServer
    _alone = False

    def startListening(self) -> None:
        self._alone = self.options.exclusive
        if self._alone:
            self.listenAlone()
        else:
            self._listenTogether()
        self._sayListening()

    def _listenTogether(self) -> None:
        path = getattr(self, "_bindPath", self.port)
        tcp._reservedFD.reserve()
        # Where no socket can be made, a stock port says so as it would.
        try:
            self.createInternetSocket().close()
        except OSError as error:
            raise CannotListenError(None, path, error) from error
        self.spec = ListenSpec(
            UNIX,
            path=os.fsdecode(path),
            backlog=self.backlog,
            mode=self.mode,
            wantPID=bool(self.wantPID),
            fd=self.options.fd,
        )
        self.join((None, path))
        startBound(self, os.fsdecode(path))

    def _sayListening(self) -> None:
        path = os.fsdecode(self.socket.getsockname())
        absolute = path if path.startswith("\0") else os.path.abspath(path)
        self.link.sayListening(Listening(absolute, -1, -1, self.options.fd))

    def connectionLost(self, reason: Any) -> None:
        self.abandon()
        if self._alone:
            super().connectionLost(reason)
        else:
            tcp.Port.connectionLost(self, reason)
