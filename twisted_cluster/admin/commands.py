"""
The verbs, as they are asked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import frozen

from twisted_cluster.admin.arguments import Arguments
from twisted_cluster.core.naming import workerNamed
from twisted_cluster.core.verbs import Progress, Verbs

# Long enough for who wants to see how a day goes.
LONGEST_TRIAL = 86_400.0
Call = Callable[[Verbs, Arguments, Progress], Awaitable["str | None"]]


@frozen
class Command:
    """
    @ivar takes: What its arguments are called.
    @ivar call: Does it, with the cluster's verbs; what comes back is for who has asked.
    """

    takes: Sequence[str]
    call: Call


async def reload(verbs: Verbs, given: Arguments, progress: Progress) -> None:
    """
    @see: L{Verbs.reload}
    """
    seconds = given.number("for", 30.0, 0.0, LONGEST_TRIAL)
    await verbs.reload(
        directory=given.get("directory"),
        step=given.get("step"),
        canary=given.get("canary"),
        seconds=seconds,
        missingPorts=given.isSet("missing-ports"),
        progress=progress,
    )


async def scale(verbs: Verbs, given: Arguments, progress: Progress) -> None:
    """
    @see: L{Verbs.scale}
    """
    await verbs.scale(given.need("workers"), progress)


async def drain(verbs: Verbs, given: Arguments, progress: Progress) -> None:
    """
    @see: L{Verbs.drain}
    """
    worker = workerNamed(verbs.snapshot(), given.need("worker"))
    await verbs.drain(worker.id, progress)


async def kill(verbs: Verbs, given: Arguments, progress: Progress) -> None:
    """
    @see: L{Verbs.kill}
    """
    await verbs.kill(workerNamed(verbs.snapshot(), given.need("worker")).id)


async def stacks(verbs: Verbs, given: Arguments, progress: Progress) -> str:
    """
    @see: L{Verbs.stacks}
    """
    snapshot, name = verbs.snapshot(), given.get("worker")
    workers = snapshot.workers if name is None else [workerNamed(snapshot, name)]
    found = []
    for worker in workers:
        text = await verbs.stacks(worker.id)
        found.append(f"worker {worker.slot} ({worker.pid})\n{text}")
    return "\n\n".join(found)


async def policy(verbs: Verbs, given: Arguments, progress: Progress) -> None:
    """
    @see: L{Verbs.setPolicy}
    """
    await verbs.setPolicy(given.need("name"), given.get("port"))


async def stop(verbs: Verbs, given: Arguments, progress: Progress) -> None:
    """
    @see: L{Verbs.stop}
    """
    ended = verbs.stop(progress)
    if given.isSet("now"):
        # Not awaited: it comes back when nobody can be answered any more.
        verbs.stopNow()
    await ended


COMMANDS: Mapping[str, Command] = {
    "reload": Command(("step", "directory", "canary", "for", "missing-ports"), reload),
    "scale": Command(("workers",), scale),
    "drain": Command(("worker",), drain),
    "kill": Command(("worker",), kill),
    "stacks": Command(("worker",), stacks),
    "policy": Command(("name", "port"), policy),
    "stop": Command(("now",), stop),
}
