"""
A policy of one's own: the client's port decides.
"""

from attrs import define
from zope.interface import implementer

from twisted_cluster import ISchedulingPolicy


@implementer(ISchedulingPolicy)
@define
class ByPort:
    """
    The same client port goes to the same worker, for as long as the same are ready.
    Who has no port, at a UNIX socket, goes to the first.
    """

    offset: int = 0

    def choose(self, connection, ready):
        port = getattr(connection.peer, "port", -self.offset)
        return ready[(port + self.offset) % len(ready)]
