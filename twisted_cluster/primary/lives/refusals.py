"""
Why the system starts nobody more, and what to do about it.
"""

from __future__ import annotations

import errno
import resource

OPEN = "a hard limit of {nofile} open files is too low: raise it ('ulimit -Hn')"
WHAT_TO_DO = {
    errno.EACCES: "the user of the workers may not run it, or not enter a directory "
    "above it",
    errno.EAGAIN: "this user, or this container, may have no more processes: raise "
    "'ulimit -u', which is {nproc}, or the container's limit of pids",
    errno.EMFILE: OPEN,
    # A number beyond the limit, which the new process is to give to a descriptor.
    errno.EBADF: OPEN,
    errno.ENFILE: "the system may have no more open files: raise fs.file-max",
    errno.ENOMEM: "there is no memory for one more",
}


def whyRefused(error: Exception) -> str:
    """
    @param error: What came of a try to start a process.
    @return: What it says, and what to do.
    """
    number = getattr(error, "errno", None)
    advice = WHAT_TO_DO.get(number) if number is not None else None
    if advice is None:
        return str(error)
    limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    told = {name: _limit(number) for name, number in limits.items()}
    return f"{error}; {advice.format(**told)}"


def _limit(number: int) -> str:
    _, hard = resource.getrlimit(number)
    return "unlimited" if hard == resource.RLIM_INFINITY else str(hard)
