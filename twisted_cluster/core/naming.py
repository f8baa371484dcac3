"""
How people name a worker.
"""

from __future__ import annotations

import re

from twisted_cluster.core.snapshot import Snapshot, WorkerSnapshot
from twisted_cluster.errors import CommandError

# What comes before a number, and what it is then.
_KINDS = {"": "slot", "pid:": "pid", "id:": "id"}
_NAME = re.compile(r"(pid:|id:|)(\d{1,18})")


def workerNamed(snapshot: Snapshot, name: str) -> WorkerSnapshot:
    """
    @param name: A number, which is that of its slot, C{pid:4711}, or C{id:7}.
    @return: Of several in one slot the one that is not leaving; the newest of those.
    @raise CommandError: If there is none.
    """
    found = _NAME.fullmatch(name.strip())
    if found is None:
        raise CommandError(
            f"{name.strip()!r:.40} names no worker: give its number, pid:NUMBER or "
            "id:NUMBER"
        )
    kind, number = _KINDS[found[1]], int(found[2])
    there = [one for one in snapshot.workers if getattr(one, kind) == number]
    if not there:
        raise CommandError(f"there is no worker {name.strip()}; {_whoIsThere(snapshot)}")
    return max(there, key=lambda one: (one.state != "leaving", one.id))


def _whoIsThere(snapshot: Snapshot) -> str:
    slots = sorted({one.slot for one in snapshot.workers})
    if not slots:
        return "there are none"
    return f"there are: {', '.join(map(str, slots))}"
