"""
What a cluster is just now: all that a face may show.

It is made when somebody asks for it, and never otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import Factory, evolve, frozen


@frozen
class Counted:
    """
    What only grows.

    @ivar started: How many workers were started.
    @ivar crashed: How many of them ended although nobody had told them to.
    @ivar refused: How many starts the system had no room for.
    @ivar handed: How many connections workers have taken.
    @ivar opened: How many of these were begun.
    @ivar closed: How many of these have ended, those of workers that are gone included.
    """

    started: int = 0
    crashed: int = 0
    refused: int = 0
    handed: int = 0
    opened: int = 0
    closed: int = 0


@frozen
class WorkerSnapshot:
    """
    One worker.

    @ivar slot: Its number, from 1.
    @ivar state: C{"starting"}, C{"ready"}, C{"not ready"} or C{"leaving"}.
    @ivar age: How long it has been there, in seconds.
    @ivar silence: How long its heart has not beaten, in seconds.
    @ivar active: How many connections it serves.
    @ivar queued: How many wait in its queue.
    @ivar taken: How many it has taken, or accepted itself, in all.
    @ivar opened: How many of these were begun.
    @ivar closed: How many of these have ended.
    @ivar lag: By how much its event loop is late, in milliseconds.
    @ivar cpu: How much of a CPU it used in the last second, 0 to 1.
    @ivar rss: Its resident memory, in bytes.
    @ivar headroom: How many descriptors it can still open.
    """

    id: int
    slot: int
    pid: int | None
    state: str
    generation: int = 1
    group: str = ""
    weight: int = 1
    age: float = 0.0
    silence: float = 0.0
    active: int = 0
    queued: int = 0
    taken: int = 0
    opened: int = 0
    closed: int = 0
    lag: float = 0.0
    cpu: float = 0.0
    rss: int = 0
    headroom: int = 0


@frozen
class ListenerSnapshot:
    """
    One listener.

    @ivar name: What was listened on, such as C{"tcp:8080"}.
    @ivar mode: One of L{twisted_cluster.core.messages.MODES}.
    @ivar workers: The ids of those which listen there.
    @ivar waiting: How many connections are accepted, and have no worker yet.
    @ivar isAccepting: Whether more are accepted just now.
    @ivar backlog: How many the kernel has for us that are not accepted yet; L{None}: it
        does not tell.
    @ivar accepted: How many were accepted, in all; none, where workers do that from one
        socket.
    @ivar refused: How many of these were closed because there was no place for them, or
        no worker.
    @ivar policy: Who chooses: what was said, or the name of its class.
    """

    number: int
    name: str
    mode: str
    workers: Sequence[int] = ()
    waiting: int = 0
    isAccepting: bool = False
    backlog: int | None = None
    accepted: int = 0
    refused: int = 0
    policy: str = ""


@frozen
class Snapshot:
    """
    A cluster.

    @ivar wanted: How many workers there are to be.
    @ivar uptime: For how long it has run, in seconds.
    @ivar isStopping: Whether it ends.
    @ivar workers: Those that there are, by slot and age.
    @ivar gone: What those that are gone have counted.
    @ivar minReady: With fewer workers that are ready it is not.
    @ivar failed: Why slots have no worker that stays, by number: of those whose workers
        have ended too early again and again.
    @ivar pid: The primary's process.
    @ivar generation: Of which workers are, when no reload goes on.
    @ivar reloading: How far a reload is, in words; C{""}: none goes on.
    """

    wanted: int
    uptime: float = 0.0
    isStopping: bool = False
    workers: Sequence[WorkerSnapshot] = ()
    listeners: Sequence[ListenerSnapshot] = ()
    gone: Counted = Factory(Counted)
    minReady: int = 1
    failed: Mapping[int, str] = Factory(dict)
    pid: int = 0
    generation: int = 1
    reloading: str = ""

    @property
    def isReady(self) -> bool:
        """
        Whether enough workers serve.
        """
        ready = {one.slot for one in self.workers if one.state == "ready"}
        return not self.isStopping and len(ready) >= self.minReady

    @property
    def counted(self) -> Counted:
        """
        What all workers, the dead ones included, have counted.
        """
        return evolve(
            self.gone,
            handed=self.gone.handed + sum(one.taken for one in self.workers),
            opened=self.gone.opened + sum(one.opened for one in self.workers),
            closed=self.gone.closed + sum(one.closed for one in self.workers),
        )
