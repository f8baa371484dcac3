"""
How a worker ended: in one line, and how grave that is.
"""

from __future__ import annotations

from attrs import frozen

from twisted_cluster.core.words import duration, several


@frozen
class Ending:
    """
    One worker's end.

    @ivar seconds: How long it had been there.
    @ivar code: What it exited with, or L{None}.
    @ivar signal: The name of the signal that ended it, or L{None}.
    @ivar isPlanned: Whether it was to end.
    @ivar isTold: Whether somebody outside has told it to, by a signal.
    @ivar isKilled: Whether the cluster has killed it.
    @ivar why: Why, if that needs a reason.
    @ivar wasReady: Whether it had been ready.
    @ivar cut: How many connections it had still.
    @ivar left: Its process, if the system cannot kill it, so that it is left behind.
    """

    seconds: float
    code: int | None = None
    signal: str | None = None
    isPlanned: bool = False
    isTold: bool = False
    isKilled: bool = False
    why: str = ""
    wasReady: bool = True
    cut: int = 0
    left: int = 0

    @property
    def level(self) -> str:
        """
        C{"error"} for what was not to be, C{"warn"} for what the cluster had to do, and
        C{"debug"} for who was not needed any more when he started.
        """
        if self._isDeath or self.left:
            return "error"
        if self.why or self.cut:
            return "warn"
        return "info" if self.wasReady else "debug"

    @property
    def _isDeath(self) -> bool:
        if self.isKilled or (self.signal is not None and self.isTold):
            return False
        return self.signal is not None or not self.isPlanned

    @property
    def verb(self) -> str:
        """
        What happened, without when: C{"died of SIGSEGV"}.
        """
        if self.left:
            return "cannot be killed"
        if self.isKilled and self.signal is not None:
            return "was killed"
        if self.signal is not None:
            return f"{'ended upon' if self.isTold else 'died of'} {self.signal}"
        if self.code:
            return f"exited with {self.code}"
        if not self.isPlanned:
            return "ended by itself"
        return "ended upon a signal" if self.isTold else "ended"

    def inWords(self, again: float | None = None) -> str:
        """
        @param again: In how many seconds its successor starts, if that waits.
        """
        left = ", and is left behind" if self.left else ""
        said = f"{self.verb}{left} after {duration(self.seconds)}"
        if self.why:
            said += f": {self.why}"
        elif self._isDeath and self.signal == "SIGKILL":
            said += ", not killed by the cluster: out of memory?"
        if self.left:
            said += f"; what it waits for: /proc/{self.left}/task/*/wchan"
        if self.cut:
            said += f"; {self._ofConnections}"
        if again is not None:
            said += f"; again in {duration(again)}"
        return said

    @property
    def _ofConnections(self) -> str:
        if not self.left:
            return whatWasCut(self.cut)
        # Its sockets are open still: nobody but it could end them.
        return f"{several(self.cut, 'connection')} with it"


def whatWasCut(connections: int) -> str:
    """
    @return: How many connections were cut: C{"1 connection was cut"}.
    """
    if not connections:
        return "nothing was cut"
    verb = "was" if connections == 1 else "were"
    return f"{several(connections, 'connection')} {verb} cut"
