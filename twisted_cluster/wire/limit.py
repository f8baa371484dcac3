"""
How many descriptors a process may have.
"""

from __future__ import annotations

import errno
import os
import resource
import sys
from contextlib import suppress

from twisted.internet.selectreactor import SelectReactor

# Where there is no limit: more than anybody counts.
UNLIMITED = 1 << 53
# FD_SETSIZE: what has a higher number select(2) cannot wait for.
SELECTABLE = 1024
# What the system may have again in a while: descriptors, memory.
SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
DESCRIPTORS = "/dev/fd"
# What one message has of them, four times (L{mostForWorkers}).
MARGIN = 1024
# capabilities(7), as numbers of bits.
CAP_SYS_ADMIN, CAP_SYS_RESOURCE = 21, 24
# Of the user namespace that everything began in; others' superusers are none here.
FIRST_NAMESPACE = ["0", "0", "4294967295"]


def shareOf(part: int, most: int) -> int:
    """
    @param part: One of so many parts of the descriptors that this process may have.
    @param most: No more than this in any case.
    @return: How many descriptors something may take, 1 or more: the rest is for others.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if limit < 0 else max(1, min(most, limit // part))


def currentLimit() -> int:
    """
    @return: How many descriptors this process may have as it is.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def openDescriptors() -> list[int]:
    """
    @return: The numbers that are open, and the one of this look at them; none where the
        system does not say.
    """
    try:
        return list(map(int, os.listdir(DESCRIPTORS)))
    except OSError:
        return []


def highestLimit(reactor: object) -> int:
    """
    @return: How many it could have, if it raised its limit, that this reactor can use.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = UNLIMITED if hard == resource.RLIM_INFINITY else hard
    if isinstance(reactor, SelectReactor):
        most = min(most, SELECTABLE)
    # What it has already it keeps.
    return max(most, currentLimit())


def changeLimit(limit: int) -> bool:
    """
    Have another limit. It is refused where fs.nr_open has been lowered since: then it
    stays as it is.

    @param limit: L{UNLIMITED}, or how many.
    @return: Whether it is so now.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = resource.RLIM_INFINITY if limit >= UNLIMITED else limit
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return True
    return False


def mostForWorkers() -> int:
    """
    How many descriptors a worker may have, however far it raises its limit.

    Linux counts what a user's processes have on its way in sockets, all together, and
    lets nobody send more (ETOOMANYREFS) who may have fewer open than that, but for a
    superuser. With less than this process has no worker can keep it from handing over.

    @return: 0: as many as this process.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if sys.platform != "linux" or hard == resource.RLIM_INFINITY or _isSuperuser():
        return 0
    return hard - min(MARGIN, hard // 4)


def _isSuperuser() -> bool:
    with suppress(OSError, ValueError):
        with open("/proc/self/uid_map") as map, open("/proc/self/status") as status:
            isFirst = map.read().split() == FIRST_NAMESPACE
            (has,) = [int(s.split()[1], 16) for s in status if s.startswith("CapEff:")]
        return isFirst and bool(has & (1 << CAP_SYS_ADMIN | 1 << CAP_SYS_RESOURCE))
    return os.geteuid() == 0


def lowerLimit(most: int) -> None:
    """
    Never have more descriptors than so many.
    """
    soft, hard = (
        most if limit == resource.RLIM_INFINITY else min(limit, most)
        for limit in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def raiseLimit(reactor: object) -> None:
    """
    Have as many descriptors as there may be, and as this reactor can use.
    """
    changeLimit(highestLimit(reactor))
