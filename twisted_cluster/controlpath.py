"""
Where a cluster's control socket is: the same for who serves it and who asks there.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping

# Where it is, or that there is none, for both sides.
VARIABLE = "TWISTED_CLUSTER_CONTROL"
NONE = "none"
# As twistd calls it where nothing is said.
PIDFILE = "twistd.pid"
PREFIX, SUFFIX = "twisted-cluster-", ".sock"
# The field of a socket's address has 108 bytes, or 104, the last of which is 0.
LONGEST = 107 if sys.platform.startswith("linux") else 103
LONGEST_STEM = 24


def whyNot(path: str) -> str | None:
    """
    @return: Why no socket can be at a path; L{None} if one can.
    """
    length = len(os.fsencode(path))
    if not path or "\0" in path:
        return "give a path for a socket, or 'none'"
    if length > LONGEST:
        return f"a socket's path has {LONGEST} bytes at most, this one has {length}"
    return None


def nameFor(pidfile: str, pid: int) -> str:
    """
    @param pidfile: Absolute; empty if there is none: the process's number is taken.
    """
    if not pidfile:
        return f"{PREFIX}{pid}{SUFFIX}"
    # Two clusters whose pid files are called the same do not meet.
    digest = hashlib.sha256(os.fsencode(pidfile)).hexdigest()[:8]
    stem = os.path.splitext(os.path.basename(pidfile))[0]
    short = os.fsencode(stem)[:LONGEST_STEM].decode("utf-8", "ignore")
    return f"{PREFIX}{short}-{digest}{SUFFIX}"


def pidOf(name: str) -> int | None:
    """
    @return: The process that a socket is called after, if it is called after one.
    """
    middle = name.removeprefix(PREFIX).removesuffix(SUFFIX)
    isOurs = f"{PREFIX}{middle}{SUFFIX}" == name
    return int(middle) if isOurs and middle.isascii() and middle.isdigit() else None


def directories(environment: Mapping[str, str], uid: int) -> Iterator[str]:
    """
    Where a user's control sockets may be, the best first; the last is our own.
    """
    given = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if given:
        yield given
    seen = {given}
    for path in (environment.get("XDG_RUNTIME_DIR", ""), f"/run/user/{uid}"):
        # What sudo and su leave in the environment is another user's.
        if path not in seen and isOwnDirectory(path, uid):
            seen.add(path)
            yield path
    yield os.path.join(environment.get("TMPDIR") or "/tmp", f"twisted-cluster-{uid}")


def isOwnDirectory(path: str, uid: int) -> bool:
    """
    Whether it is a directory of this user's where nobody else can put anything.
    """
    if not os.path.isabs(path):
        return False
    try:
        there = os.lstat(path)
    except OSError:
        return False
    isOwn = stat.S_ISDIR(there.st_mode) and there.st_uid == uid
    return isOwn and not there.st_mode & 0o022


def socketsIn(directory: str) -> list[str]:
    """
    @return: The paths of what may be control sockets.
    """
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    return [
        os.path.join(directory, name)
        for name in names
        if name.startswith(PREFIX) and name.endswith(SUFFIX)
    ]
