"""
What every worker is made of.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from attrs import Factory, asdict, evolve, frozen

from twisted_cluster.core.member import Post
from twisted_cluster.defaults import LOG_RATE, NO
from twisted_cluster.primary.lives.origin import Origin
from twisted_cluster.primary.lives.output import Output
from twisted_cluster.primary.lives.rundir import RunDirectory
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.primary.lives.streams import StandardStreams
from twisted_cluster.primary.lives.surroundings import Surroundings, atStart
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.bootstrap import TWISTD, bootstrap, pathToEnvironment
from twisted_cluster.wire.conduct import Conduct
from twisted_cluster.wire.descriptors import Announcement
from twisted_cluster.wire.inherited import Inherited
from twisted_cluster.wire.limit import mostForWorkers
from twisted_cluster.wire.user import User


@frozen
class Recipe(Conduct):
    """
    How workers of a kind are started, and how they are to conduct themselves.

    @ivar command: What the worker is to run: the arguments of its C{main}.
    @ivar main: The module whose C{main} it is.
    @ivar origin: The interpreter, and C{sys.path}.
    @ivar environment: Added to the primary's own.
    @ivar directory: Where it runs; L{None} for the primary's own.
    @ivar rundir: Where it goes when it has read its options, if anywhere.
    @ivar uid: Whose it is; L{None} for the primary's own.
    @ivar gid: The same for the group.
    @ivar noNewPrivileges: Whether programs that it starts give it nothing more.
    @ivar logRate: How many lines a second it may log; 0: any number.
    @ivar surroundings: What else it is to have as this process had it.
    @ivar inherited: What sockets of this process it finds.
    @ivar newOutput: Makes what takes care of its standard streams.
    @ivar weight: What share of the connections it is to have, against others'.
    @ivar group: Which group it belongs to, if to any.
    @ivar generation: Which reload it comes by, from 1.
    @ivar warm: What has been imported before it is known which worker it is: L{NO},
        L{TWISTED} or L{APP}.
    """

    command: Sequence[str | os.PathLike[str]]
    main: str = TWISTD
    origin: Origin = Factory(Origin.ofThisProcess)
    environment: Mapping[str, str] = Factory(dict)
    directory: str | os.PathLike[str] | None = None
    rundir: RunDirectory | None = None
    uid: int | None = None
    gid: int | None = None
    noNewPrivileges: bool = False
    logRate: float = LOG_RATE
    surroundings: Surroundings = Factory(atStart)
    inherited: Inherited = Factory(Inherited)
    newOutput: Callable[[IClusterReactor, Said], StandardStreams] = Output
    weight: int = 1
    group: str = ""
    generation: int = 1
    warm: str = NO

    def postOf(self, id: int, slot: int) -> Post:
        """
        What policies see of such a worker from the start.

        @param id: The worker's.
        @param slot: The worker's.
        """
        return Post(id, slot, self.group, self.weight, self.generation)

    @property
    def user(self) -> User | None:
        """
        Whose such a worker is; L{None}: this process's own.
        """
        return User.of(self.uid, self.gid)

    def placed(self) -> Recipe:
        """
        @return: The same, to be started where it is to read its options.
        """
        self.origin.sayWhatIsGone(*self.command)
        moved = self.rundir
        if moved is None or not moved.canBeReached():
            return self
        command = [f"--rundir={os.fspath(moved.run)}", *self.command]
        return evolve(self, directory=moved.start, command=command)

    def argv(self) -> Sequence[str]:
        """
        @return: The interpreter, its options, and what it is to run.
        """
        return self.argvOf(self.main)

    def argvOf(self, module: str) -> Sequence[str]:
        """
        @param module: Whose C{main} is to run.
        @return: The same for that: C{ps} shows for whom it is.
        """
        isOther = self.user is not None
        begin = bootstrap(module, self.noNewPrivileges, isOther)
        given = [os.fspath(each) for each in self.command]
        return [self.origin.executable, *self.origin.options, *begin, *given]

    def variables(self) -> Mapping[str, str]:
        """
        What all such workers find in their environment.
        """
        return {
            **os.environ,
            **self.inherited.environment,
            **self.environment,
            **pathToEnvironment(map(os.fspath, self.origin.path)),
        }

    def environmentOf(
        self, slot: int, id: int, first: int, tallies: int, sockets: Sequence[int] = ()
    ) -> Mapping[str, str]:
        """
        The environment of such a worker, in which it is told what it is.

        @param first: The number of the first of the cluster's descriptors.
        @param tallies: How many tallies it keeps on its page.
        @param sockets: The numbers of what it has been given of L{inherited}.
        """
        told = Announcement(
            slot,
            id,
            tallies,
            first,
            sockets,
            most=mostForWorkers(),
            **asdict(self.surroundings),
            **self.conduct(),
        )
        return {**self.variables(), **told.toEnvironment()}
