"""
What all workers of one primary have to do with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container

from attrs import Factory, frozen

from twisted_cluster.defaults import MAIL_LIMIT
from twisted_cluster.events import HANDOFF, NO_LIMITS, Dispatch, Limits
from twisted_cluster.interfaces import ISchedulingPolicy
from twisted_cluster.primary.door.door import Door
from twisted_cluster.primary.lives.guardian import Guardian
from twisted_cluster.primary.lives.outliving import Outliving
from twisted_cluster.primary.lives.warm.templates import Templates
from twisted_cluster.primary.ports.dispatching import Dispatching
from twisted_cluster.primary.ports.reserve import placesFor
from twisted_cluster.primary.ports.table import ListenerTable
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.talk.exchange import Exchange
from twisted_cluster.wire.mailroom import Mailroom

# One worker that reads nothing has no more than one of so many parts of the mailroom.
SHARES = 2
HANDED_OVER = Dispatch(HANDOFF)


@frozen
class Rooms:
    """
    @ivar reactor: Its timers count monotonic seconds.
    @ivar door: Where connections come in.
    @ivar listeners: Who listens where.
    @ivar exchange: Topics.
    @ivar limits: How many connections are served at a time.
    @ivar newPolicy: Makes one listener's policy, or L{None}: the kernel chooses.
    @ivar templates: What workers are forked from.
    @ivar guardian: Who ends workers that outlive this process; L{None}: nobody does.
    @ivar mail: What users' messages may take.
    @ivar outliving: What those write that outlive the worker that has started them.
    """

    reactor: IClusterReactor
    door: Door
    listeners: ListenerTable
    exchange: Exchange
    limits: Limits
    newPolicy: Callable[[], ISchedulingPolicy | None]
    templates: Templates
    guardian: Guardian | None = None
    outliving: Outliving = Factory(Outliving)
    mail: Mailroom = Factory(Mailroom.make)

    @classmethod
    def make(
        cls,
        reactor: IClusterReactor,
        newPolicy: Callable[[], ISchedulingPolicy | None],
        backlog: int,
        keep: bool = True,
        descriptors: Container[int] = (),
        limits: Limits = NO_LIMITS,
        areGuarded: bool = False,
        inherited: Container[int] = (),
        mailLimit: int = MAIL_LIMIT,
        dispatch: Dispatch = HANDED_OVER,
        workers: int = 1,
    ) -> Rooms:
        """
        @param newPolicy: Makes one listener's policy, or L{None}: the kernel chooses.
        @param backlog: The least backlog of every listener.
        @param keep: Whether ports wait for the replacement of a worker that is gone.
        @param descriptors: Which of this process's workers may listen on.
        @param areGuarded: Whether workers that outlive this process are to be ended.
        @param inherited: Which descriptors also workers of another user may listen on.
        @param dispatch: How connections are to reach workers.
        @param workers: How many of these there may be.
        @param mailLimit: How much memory users' messages may take that wait, in bytes.
        """
        door = Door(reactor, time.monotonic_ns, limits)
        dispatching = Dispatching(dispatch, placesFor(workers), limits)
        listeners = ListenerTable(
            door, newPolicy, backlog, keep, descriptors, inherited, dispatching
        )
        guardian = Guardian(reactor) if areGuarded else None
        return cls(
            reactor,
            door,
            listeners,
            Exchange(),
            limits,
            newPolicy,
            Templates(reactor),
            guardian,
            mail=Mailroom.make(mailLimit, SHARES),
        )
