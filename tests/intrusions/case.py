"""
One thing that a worker which has been broken into may try.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import field, frozen


def _nothing(directory: Path) -> None:
    pass


@frozen
class Intrusion:
    """
    A case: data, which tests and the benchmark run.

    @ivar name: What the worker does, in a few words: "it sends nonsense".
    @ivar code: Python, run in a thread of one worker: with all that C{fixtures/hostile}
        has, and C{BESIDE}, where the cluster runs. If the worker is not to be
        killed, the code comes to its end; it raises where it could do what it should not
        be able to.
    @ivar said: What the one error line says of the worker that is killed for it, behind
        its name: a pattern. L{None}: nobody is killed.
    @ivar tells: An error that is logged and kills nobody: a pattern of the whole line.
        L{None}: there is none.
    @ivar more: Options of C{twistd cluster}.
    @ivar descriptors: How many the cluster may open, as C{ulimit -n} says.
    @ivar uid: As whom the workers run, of a primary that is root, and a program that
        forks: C{fixtures/hostile/privileged.py}; C{more} is not for that one. L{None}: as
        the primary, of C{twistd cluster}.
    @ivar env: Of the cluster's environment.
    @ivar seconds: How long innocent clients are watched while it goes on, at least.
    @ivar hangs: Whether the code need not come to its end, though nobody is killed.
    @ivar spares: Whether all innocents are served whom the worker does not hold. Where
        workers share a socket, those whom nobody has taken may go with it.
    @ivar before: Makes what the case needs, in the directory that the cluster runs in.
    @ivar after: Looks at that directory, when all is over; raises if it was harmed.
    """

    name: str
    code: str
    said: str | None = None
    tells: str | None = None
    more: tuple[str, ...] = ()
    descriptors: int | None = None
    uid: int | None = None
    env: Mapping[str, str] = field(factory=dict)
    seconds: float = 0.5
    hangs: bool = False
    spares: bool = True
    before: Callable[[Path], None] = _nothing
    after: Callable[[Path], None] = _nothing

    @property
    def isPlain(self) -> bool:
        """
        Whether it needs no cluster of its own, but for options that others may have too.
        """
        own = (self.name, self.code, self.said, self.tells, self.more)
        free = {"seconds": self.seconds, "hangs": self.hangs, "spares": self.spares}
        return self == Intrusion(*own, **free)
