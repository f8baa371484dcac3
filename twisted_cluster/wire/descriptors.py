"""
Which descriptor of a worker is what, and how a worker is told.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, MutableMapping, Sequence

from attrs import asdict, field, frozen
from attrs.validators import instance_of

from twisted_cluster.errors import StartError
from twisted_cluster.wire.bootstrap import forgetPath
from twisted_cluster.wire.conduct import Conduct

# Counted from the announcement's C{first}.
CONTROL = 0
HANDOFF = 1
PAGE = 2
MAIL = 3
LOG = 4
STACKS = 5
WIRES = (CONTROL, HANDOFF, PAGE, MAIL, LOG, STACKS)

VARIABLE = "TWISTED_CLUSTER_WORKER"
VERSION = 3


def _asTuple(numbers: Iterable[int]) -> Sequence[int]:
    return tuple(numbers)


@frozen
class Announcement(Conduct):
    """
    What a worker is told at birth.

    @ivar slot: Its number, from 1.
    @ivar id: Counts the workers of this primary, from 1; never used again.
    @ivar tallies: How many tallies it keeps on its page.
    @ivar first: The number of the first of the cluster's descriptors.
    @ivar sockets: Descriptors of the primary's that it has at the same numbers.
    @ivar ignored: The signals that it is to ignore, by number.
    @ivar blocked: Those that are to be blocked, and no others.
    @ivar nofile: How many descriptors it may have at first; 0 for as many as it has.
    @ivar most: How many it may have at most; 0 for as many as it may have.
    @ivar version: L{VERSION}: another one whenever anything else is told than this.
    """

    slot: int = field(validator=instance_of(int))
    id: int = field(default=0, validator=instance_of(int))
    tallies: int = field(default=0, validator=instance_of(int))
    first: int = field(default=3, validator=instance_of(int))
    sockets: Sequence[int] = field(default=(), converter=_asTuple)
    ignored: Sequence[int] = field(default=(), converter=_asTuple)
    blocked: Sequence[int] = field(default=(), converter=_asTuple)
    nofile: int = field(default=0, validator=instance_of(int))
    most: int = field(default=0, validator=instance_of(int))
    version: int = VERSION

    def toEnvironment(self) -> dict[str, str]:
        """
        The environment variable that carries this.
        """
        return {VARIABLE: json.dumps(asdict(self))}


def takeAnnouncement(environment: MutableMapping[str, str]) -> Announcement:
    """
    Read what this worker was told; its own children will see neither the variable
    nor the descriptors.

    @raise StartError: If this process is not a worker.
    """
    text = environment.pop(VARIABLE, None)
    forgetPath(environment)
    try:
        told = json.loads(text or "")
        _checkVersion(told["version"])
        announcement = Announcement(**told)
        _checkWires(announcement.first)
    except (ValueError, TypeError, KeyError, RecursionError, OSError):
        raise StartError(
            "the cluster reactor runs in workers only: start them with "
            "'twistd cluster', which takes the workers' reactor as --reactor, or with "
            "cluster.fork()"
        ) from None
    return announcement


def _checkVersion(version: object) -> None:
    """
    @raise StartError: If it is another one than this installation's.
    """
    if version != VERSION:
        raise StartError(
            f"the primary speaks version {version!r:.20}, this worker {VERSION}: both "
            "have to run from one installation of twisted_cluster"
        )


def _checkWires(first: int) -> None:
    """
    Somebody may have set the variable by hand: whatever is open at those numbers then is
    no wire, and must not be touched.

    @raise OSError: If these are not what a primary gives its workers.
    """
    for wire in (CONTROL, HANDOFF, MAIL, LOG):
        if not stat.S_ISSOCK(os.fstat(first + wire).st_mode):
            raise OSError(f"descriptor {first + wire} is no socket")
    if not stat.S_ISREG(os.fstat(first + PAGE).st_mode):
        raise OSError(f"descriptor {first + PAGE} is no page")
    if not stat.S_ISFIFO(os.fstat(first + STACKS).st_mode):
        raise OSError(f"descriptor {first + STACKS} is no pipe")
    for wire in WIRES:
        os.set_inheritable(first + wire, False)
