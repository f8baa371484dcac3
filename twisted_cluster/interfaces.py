"""
What a plugin provides, and what it is given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface

from twisted_cluster.events import ConnectionFacts, Look

if TYPE_CHECKING:
    from twisted_cluster.steering import classic, extended
    from twisted_cluster.steering.places import Place

# In bytes. One page: what a client's first window surely takes, so that nobody waits for
# a slow reader.
LONGEST_FAREWELL = 4096


class IWorkerLoad(Interface):
    """
    One worker, as a policy sees it. Reading costs no system call and no message; what
    the worker itself says of itself is up to a tenth of a second old, C{cpu} and C{rss}
    up to a second.
    """

    number: int = Attribute("The worker's slot, from 1; a replacement has the same.")
    id: int = Attribute("Counts the primary's workers, from 1; never used again.")
    group: str = Attribute("What C{--group} put the slot into; else empty.")
    weight: int = Attribute("What share it is to have, against others'; 0 is none.")
    generation: int = Attribute("Which reload it came by, from 1.")
    active: int = Attribute("Connections that the worker serves now; 0 or more.")
    queued: int = Attribute("Connections handed over that it has not taken; 0 or more.")
    load: int = Attribute("Both together, for half of what it costs to ask for each.")
    lag: float = Attribute(
        "How late its event loop turns, in microseconds: a moving average."
    )
    cpu: float = Attribute("CPU seconds that it used per second, 0.0 or more.")
    rss: int = Attribute("Its resident memory, in bytes; 0 if not known.")
    age: float = Attribute("How long it has been there, in seconds.")
    draining: bool = Attribute("Whether it takes nothing more.")


class ISchedulingPolicy(Interface):
    """
    Choose the worker that serves the next connection; no I/O, no clock.

    One instance serves one listener.
    """

    def choose(
        connection: ConnectionFacts, ready: Sequence[IWorkerLoad]
    ) -> IWorkerLoad | None:
        """
        @param connection: What is known of the connection.
        @param ready: Workers able to serve, by ascending number; a tuple, never empty.
        @return: The member of C{ready} that is to serve, or L{None} to let the
            connection wait until something changes; others are accepted meanwhile.
        """


class ILoyalPolicy(ISchedulingPolicy):
    """
    A policy whose clients have one worker each.

    C{ready} has the workers that are busy for the moment as well, and what was handed to
    one of them stays there until it is taken, or the worker is gone.
    """


class ILookingPolicy(ISchedulingPolicy):
    """
    A policy that is told the first bytes that a client sends, before it chooses.
    """

    look: Look | None = Attribute("How far to go for them; L{None}: do not look.")

    def enough(first: bytes) -> bool:
        """
        @param first: What has come so far; not empty, not more than the limit.
        @return: Whether the policy can choose. If not, it is asked again when there is
            more; C{choose} is called all the same when the time, or the limit, is over,
            or the client says that it sends no more.
        """


class IGroupingPolicy(ISchedulingPolicy):
    """
    A policy that needs groups of workers, as C{--group} makes them.
    """

    groups: Collection[str] = Attribute("Their names; each must have a worker.")


class ILiningPolicy(ISchedulingPolicy):
    """
    A policy that knows which connections wait for the same: those wait in one line, are
    served in the order in which they came, and let other lines pass. A loyal policy need
    not say: who waits for one worker stands in one line.
    """

    def lineOf(connection: ConnectionFacts) -> str | None:
        """
        @return: The line's name; of an L{IGroupingPolicy}, the group's, in which the
            connection stays also when the policy fails. L{None}, if it could go to
            anybody.
        """


class IFarewellPolicy(ISchedulingPolicy):
    """
    A policy with a last word for who cannot be served: C{--at-limit shed}.
    """

    def farewell(connection: ConnectionFacts) -> bytes:
        """
        @return: What is sent to the client before the connection is closed; at most
            L{LONGEST_FAREWELL} bytes.
        """


class IKernelPrograms(Interface):
    """
    Programs by which the kernel chooses among sockets. They see addresses and counts,
    and nothing that clients send.
    """

    readsLoads: bool = Attribute(
        "Whether the extended program goes by what workers have to do."
    )

    sharesByTurns: bool = Attribute(
        "Whether workers may have a share of all by how often it is their turn, without "
        "this: so a canary has its part where the kernel chooses. If it is missing, no."
    )

    def classicProgram(places: Sequence[Place]) -> classic.Program | None:
        """
        A program that everybody may have, which must be made anew for who may be chosen.

        @param places: Sockets that may be chosen, by ascending index; never empty.
        @return: It never chooses any other. Empty: nobody is to be chosen, connections
            wait. L{None}: there is none, with this policy's arguments.
        @see: L{twisted_cluster.steering.choices}.
        """

    def extendedProgram() -> extended.Program | None:
        """
        A program that may count, which takes CAP_BPF, and reads who may be chosen from
        what it shares with the primary.

        @return: L{None}: there is none.
        @see: L{twisted_cluster.steering.counting}.
        """

    def turns(places: Sequence[Place]) -> Sequence[int]:
        """
        What the extended program's list has.

        @param places: As of C{classicProgram}.
        @return: Indices of these, each as often as it is to have a turn;
            L{TURNS<twisted_cluster.steering.board.TURNS>} at most. Empty: nobody is to
            be chosen, connections wait.
        """


class IKernelPolicy(ISchedulingPolicy, IKernelPrograms):
    """
    A policy that the kernel can carry out, so that workers accept themselves what comes
    to sockets of their own.
    """

    def lacks(kind: str) -> str:
        """
        Where it says anything, C{--dispatch auto} leaves the choice to C{choose}.

        @param kind: Of program: C{classic} or C{extended}.
        @return: What of the policy's promises that program does not keep, in a few words
            for the log; empty: nothing.
        """


class IDrainable(Interface):
    """
    What of an application is told when its worker begins to drain: a protocol that is
    connected, a factory that listens, a service of the application.

    Whatever can be adapted to this interface is told as well, so that a manner for
    somebody else's protocol is an adapter of its class. A protocol that is told is left
    alone otherwise: that of a web server, say, would have to close its idle connections
    itself.

    @see: L{twisted.python.components.registerAdapter}
    """

    def drain() -> Awaitable[object] | None:
        """
        Nobody new comes any more. Finish, and let go of who is served.

        @return: If it is a L{Deferred<twisted.internet.defer.Deferred>} or a coroutine,
            the worker goes on until it has a result, or its drain time-out is over. It
            is waited for anyway while connections are open.
        """


class IPolicyMaker(IPlugin):
    """
    A kind of policy that C{--policy} can name; found by C{twisted.plugin.getPlugins}.
    """

    name: str = Attribute("What C{--policy} calls it: lower case, words by hyphens.")
    description: str = Attribute("One line for the help text.")

    def makePolicy(arguments: Mapping[str, str]) -> ISchedulingPolicy | None:
        """
        Make the policy of one listener.

        @param arguments: What followed the name: C{by=cookie,name=sid}.
        @return: L{None} to leave the choice to the kernel: the workers then accept from
            one socket themselves.
        @raise PolicyArgumentError: If an argument is unknown or has a bad value.
        """


# Makes one listener's policy; None leaves the choice to the kernel.
NewPolicy = Callable[[], ISchedulingPolicy | None]
