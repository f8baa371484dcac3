"""
What a plugin provides, and what it is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface

from twisted_cluster.events import ConnectionFacts


class IWorkerLoad(Interface):
    """
    One worker, as a policy sees it. Reading costs no system call.
    """

    number: int = Attribute("The worker's slot, from 1; a replacement has the same.")
    active: int = Attribute("Connections that the worker serves now; 0 or more.")
    queued: int = Attribute("Connections handed over that it has not taken; 0 or more.")
    lag: float = Attribute("How late the worker's timers last ran, in seconds.")


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
        @param ready: Workers able to serve, by ascending number; never empty.
        @return: The member of C{ready} that is to serve, or L{None} to let the
            connection wait until something changes.
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
