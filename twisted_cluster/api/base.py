"""
What C{cluster} is, in any process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, NoReturn, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import AbstractDatagramProtocol

from twisted_cluster.api.emitter import Emitter
from twisted_cluster.api.settings import Settings
from twisted_cluster.api.workers import BaseWorker
from twisted_cluster.core.topics import Subscriber, Subscriptions
from twisted_cluster.errors import NotPrimaryError
from twisted_cluster.events import TCP, UDP, UNIX, GivenOptions, ListenOptions
from twisted_cluster.interfaces import NewPolicy
from twisted_cluster.reactors import IClusterReactor, theReactor

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from twisted_cluster.api.forked import Worker

Handler = TypeVar("Handler", bound=Callable[..., object])


class Cluster(Emitter):
    """
    What C{from twisted_cluster import cluster} gives: Node's C{cluster}.

    @ivar isPrimary: Whether this process forks workers, or could.
    @ivar isWorker: Whether this process was forked.
    @ivar worker: This process, in a worker; L{None} in the primary.
    @ivar workers: The workers by id, in the primary: from C{fork} on until a worker has
        both disconnected and ended.
    @ivar settings: What workers are forked with; empty before the first C{setupPrimary}
        or C{fork}. What is assigned to it counts for the next C{fork}.
    """

    SCHED_RR: ClassVar[str] = "round-robin"
    SCHED_NONE: ClassVar[str] = "none"

    isPrimary = True
    isWorker = False
    worker: BaseWorker | None = None

    def __init__(self) -> None:
        super().__init__()
        self.workers: dict[int, Worker] = {}
        self.settings: Settings = {}
        self._subscriptions = Subscriptions()

    @property
    def _reactor(self) -> IClusterReactor:
        # Not before it is needed: the script may yet install one.
        return theReactor()

    @property
    def schedulingPolicy(self) -> str | NewPolicy:
        """
        Who serves the next connection: L{SCHED_RR}, L{SCHED_NONE} (the kernel chooses),
        anything that C{twistd cluster --policy} takes, or what makes an
        L{ISchedulingPolicy} when called.

        To be set before the first C{fork}. The environment variable
        C{TWISTED_CLUSTER_SCHED_POLICY} (C{rr}, C{none}, or a policy) says what it is at
        first.
        """
        self._refuse("schedulingPolicy")

    @schedulingPolicy.setter
    def schedulingPolicy(self, wanted: str | NewPolicy) -> None:
        self._refuse("schedulingPolicy")

    def setupPrimary(self, **settings: Unpack[Settings]) -> None:
        """
        Change what the next workers are forked with; what is not named stays, L{None}
        takes a setting away. C{setup} happens in the next turn.

        C{exec}: the script, or C{"-m module"}; this one. C{args}: its arguments; this
        one's. C{execArgv}: the interpreter's; this one's. C{cwd}. C{silent}: whether
        this process gets what it writes. C{stdio}: C{"inherit"}, C{"pipe"},
        C{"ignore"}, or a list. C{serialization}: C{"json"} or C{"advanced"}. C{uid},
        C{gid}. C{noNewPrivileges}: whether programs that it starts give it nothing more.
        C{warm}: what is imported before it is forked: C{"twisted"}, on Linux, or C{"no"}.
        C{env}: added to this process's environment. C{reactor}: the short name of the
        workers' reactor; this process's. C{drainTimeout}: how long a worker that
        ends may serve what it has, in seconds; 30. C{stopTimeout}: how long its reactor
        may then take to stop; 30. C{weight}, C{group}, C{generation}:
        what a policy sees of it; 1, none, 1. C{dispatch}, C{maxConnections},
        C{maxPerAddress}, C{atLimit}: as the command's options, to be set before the
        first fork. C{keepListening}: whether a port stays open when its last worker is
        gone. C{mailLimit}: how many bytes of memory messages may take that wait for
        workers, those for one of them half; 256 MiB; as these.

        @raise SettingsError: If there is no such setting, or its value is not accepted.
        @raise NotPrimaryError: In a worker.
        """
        self._refuse("setupPrimary")

    def fork(self, env: Mapping[str, str] | None = None) -> Worker:
        """
        Start a worker. C{fork} happens in the next turn.

        @param env: Added to its environment.
        @return: The L{Worker}. If it cannot be started, C{error}, C{disconnect} and
            C{exit} happen later. While this process's reactor stops none is started,
            and nothing happens: the worker is dead.
        @raise SettingsError: If settings or C{env} are not accepted.
        @raise NotPrimaryError: In a worker.
        """
        self._refuse("fork")

    def disconnect(self) -> Deferred[None]:
        """
        Disconnect all workers.

        @return: Fires when the last of them has ended; not before this returns.
        @raise NotPrimaryError: In a worker.
        """
        self._refuse("disconnect")

    def answer(self, handler: Handler) -> Handler:
        """
        Answer what any worker asks.

        @param handler: Given the worker and its question; else as L{BaseWorker.answer}.
        @return: C{handler}, so that this is a decorator too.
        @raise NotPrimaryError: In a worker, where C{cluster.worker.answer} does it.
        """
        self._refuse("answer")

    def broadcast(self, message: object, topic: str = "") -> Deferred[None]:
        """
        Tell every other process of the cluster that has subscribed to a topic.

        What one process publishes arrives everywhere in the order in which it published
        it. A worker for which more than 16 MiB wait misses what is published until it
        has read them, and is then told how many messages that were: C{missed} happens
        there.

        @return: Fires when the kernel has it: in the primary for every worker that does
            not miss it, in a worker for the primary.
        @raise NotSerializableError: If the message cannot be carried.
        @raise ValueError: If the topic has more than 1024 bytes.
        @raise TooManyTopicsError: If this worker's topics would take more than 16 MiB.
        """
        raise NotImplementedError

    def subscribe(self, topic: str, handler: Subscriber) -> Callable[[], None]:
        """
        Hear what other processes of the cluster broadcast.

        @param handler: Given a message, and the id of the worker that sent it, 0 for
            the primary. May be a coroutine function; what it raises is logged.
        @return: Ends the subscription.
        @raise ValueError: If the topic has more than 1024 bytes.
        """
        raise NotImplementedError

    def listenTCP(
        self,
        port: int,
        factory: IProtocolFactory,
        backlog: int = 50,
        interface: str = "",
        **options: Unpack[GivenOptions],
    ) -> IListeningPort:
        """
        C{reactor.listenTCP}, with what L{ListenOptions} has; in the primary, where
        these mean nothing, they are only checked.
        """
        listen = self._listening(TCP, options)
        return listen(port, factory, backlog, interface)

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
        **options: Unpack[GivenOptions],
    ) -> IListeningPort:
        """
        The same for a UNIX socket.
        """
        listen = self._listening(UNIX, options)
        return listen(address, factory, backlog, mode, wantPID)

    def listenUDP(
        self,
        port: int,
        protocol: AbstractDatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,
        **options: Unpack[GivenOptions],
    ) -> IListeningPort:
        """
        The same for datagrams.
        """
        listen = self._listening(UDP, options)
        return listen(port, protocol, interface, maxPacketSize)

    def _listening(
        self, kind: str, options: GivenOptions
    ) -> Callable[..., IListeningPort]:
        ListenOptions.forKind(kind, options)
        listen: Callable[..., IListeningPort] = getattr(
            self._reactor, f"listen{kind.upper()}"
        )
        return listen

    def _refuse(self, what: str) -> NoReturn:
        raise NotPrimaryError(
            f"cluster.{what} is the primary's: this process is worker "
            f"{self.worker.id if self.worker else '?'}; see cluster.isPrimary"
        )
