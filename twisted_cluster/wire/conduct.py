"""
How a worker is to conduct itself.
"""

from __future__ import annotations

from typing import Any

from attrs import fields_dict, frozen

from twisted_cluster.defaults import DRAIN_TIMEOUT, STOP_TIMEOUT


@frozen(kw_only=True)
class Conduct:
    """
    What all workers of a kind are told alike: part of what they are made of, and of what
    each is told at birth.

    @ivar reactor: The kind of reactor that it is to run on, as
        L{kindOf<twisted_cluster.kinds.kindOf>} has it; empty for the primary's own,
        until that is known.
    @ivar drainTimeout: How long it may finish what it serves, in seconds.
    @ivar stopTimeout: How long its application may then take to stop.
    @ivar serialization: The name of the codec of what it sends, and of what it is sent.
    @ivar outgoing: Whether it ends only when the connections that it made itself have
        ended too, and may finish its start when it is told to end.
    @ivar logLevel: The least that it is to log, by its name.
    @ivar umask: With which it reads its options; L{None} for the primary's own.
    @ivar folder: What Python has put on C{sys.path} for the primary's script, to be taken
        away for that of the worker's.
    @ivar terminal: Whether its standard input is a terminal that is its own; L{None}
        where that is nobody's concern.
    @ivar multiprocess: Whether there are, or may be, other workers beside it.
    @ivar ownObserver: Whether the application's own log observer is to be used.
    @ivar rotates: Whether SIGUSR1 rotates the log, which the primary does.
    @ivar program: What C{sys.argv[0]} is for its application; empty for C{twistd}, or the
        script itself.
    """

    reactor: str = "default"
    drainTimeout: float = DRAIN_TIMEOUT
    stopTimeout: float = STOP_TIMEOUT
    serialization: str = "json"
    outgoing: bool = False
    logLevel: str = "info"
    umask: int | None = None
    folder: str | None = None
    terminal: bool | None = None
    multiprocess: bool = False
    ownObserver: bool = True
    rotates: bool = False
    program: str = ""

    def conduct(self) -> dict[str, Any]:
        """
        @return: This alone, of what is more besides; by name.
        """
        return {name: getattr(self, name) for name in fields_dict(Conduct)}
