"""
What every worker is made of.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from attrs import Factory, evolve, frozen

from twisted_cluster.core.member import Post
from twisted_cluster.defaults import DRAIN_TIMEOUT
from twisted_cluster.primary.lives.origin import Origin
from twisted_cluster.primary.lives.output import Output
from twisted_cluster.primary.lives.rundir import RunDirectory
from twisted_cluster.primary.lives.said import Said
from twisted_cluster.primary.lives.streams import StandardStreams
from twisted_cluster.primary.lives.surroundings import Surroundings, atStart
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.wire.bootstrap import TWISTD, bootstrap, pathToEnvironment
from twisted_cluster.wire.descriptors import Announcement
from twisted_cluster.wire.inherited import Inherited


@frozen
class Recipe:
    """
    @ivar command: What the worker is to run: the arguments of its C{main}.
    @ivar reactor: The kind of the workers' reactor, as
        L{kindOf<twisted_cluster.kinds.kindOf>} has it; empty for the primary's own,
        until that is known.
    @ivar drainTimeout: How long a worker may finish what it serves, in seconds.
    @ivar environment: Added to the primary's own.
    @ivar directory: Where it runs; L{None} for the primary's own.
    @ivar uid: Whose it is; L{None} for the primary's own.
    @ivar gid: The same for the group.
    @ivar serialization: The codec of what is sent to it, and by it.
    @ivar outgoing: Whether it ends only when the connections that it made itself have
        ended too, and may finish its start when it is told to end.
    @ivar weight: What share of the connections it is to have, against others'.
    @ivar group: Which group it belongs to, if to any.
    @ivar generation: Which reload it comes by, from 1.
    @ivar inherited: What sockets of this process it finds.
    @ivar logLevel: The least that it is to log, by its name.
    @ivar newOutput: Makes what takes care of its standard streams.
    @ivar main: The module whose C{main} it is.
    @ivar origin: The interpreter, and C{sys.path}.
    @ivar rundir: Where it goes when it has read its options, if anywhere.
    @ivar umask: With which it reads them; L{None} for the primary's own.
    @ivar folder: What of that Python has put there for the primary's own script.
    @ivar surroundings: What else it is to have as this process had it.
    @ivar terminal: Whether its standard input is a terminal that is its own; L{None}
        where that is nobody's concern.
    @ivar multiprocess: Whether there are, or may be, other workers beside it.
    @ivar ownObserver: Whether the application's own log observer is to be used.
    @ivar rotates: Whether SIGUSR1 rotates the log, which this process does.
    """

    command: Sequence[str | os.PathLike[str]]
    reactor: str = "default"
    drainTimeout: float = DRAIN_TIMEOUT
    environment: Mapping[str, str] = Factory(dict)
    directory: str | None = None
    uid: int | None = None
    gid: int | None = None
    serialization: str = "json"
    outgoing: bool = False
    weight: int = 1
    group: str = ""
    generation: int = 1
    inherited: Inherited = Factory(Inherited)
    logLevel: str = "info"
    newOutput: Callable[[IClusterReactor, Said], StandardStreams] = Output
    main: str = TWISTD
    origin: Origin = Factory(Origin.ofThisProcess)
    rundir: RunDirectory | None = None
    umask: int | None = None
    folder: str | None = None
    surroundings: Surroundings = Factory(atStart)
    terminal: bool | None = None
    multiprocess: bool = False
    ownObserver: bool = True
    rotates: bool = False

    def postOf(self, id: int, slot: int) -> Post:
        """
        What policies see of such a worker from the start.

        @param id: The worker's.
        @param slot: The worker's.
        """
        return Post(id, slot, self.group, self.weight, self.generation)

    def placed(self) -> Recipe:
        """
        @return: The same, to be started where it is to read its options.
        """
        self.origin.sayWhatIsGone(*self.command)
        moved = self.rundir
        if moved is None or not moved.canBeReached():
            return self
        command = ["--rundir", moved.run, *self.command]
        return evolve(self, directory=os.fspath(moved.start), command=command)

    def argv(self) -> Sequence[str]:
        """
        @return: The interpreter, its options, and what it is to run.
        """
        options, begin = self.origin.options, bootstrap(self.main)
        given = [os.fspath(each) for each in self.command]
        return [self.origin.executable, *options, *begin, *given]

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
            self.reactor,
            self.drainTimeout,
            self.serialization,
            self.outgoing,
            tallies,
            first,
            folder=self.folder,
            ignored=self.surroundings.ignored,
            blocked=self.surroundings.blocked,
            nofile=self.surroundings.nofile,
            terminal=self.terminal,
            sockets=sockets,
            logLevel=self.logLevel,
            umask=self.umask,
            multiprocess=self.multiprocess,
            ownObserver=self.ownObserver,
            rotates=self.rotates,
        )
        return {
            **os.environ,
            **self.inherited.environment,
            **self.environment,
            **pathToEnvironment(map(os.fspath, self.origin.path)),
            **told.toEnvironment(),
        }
