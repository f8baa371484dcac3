"""
Which cluster is meant.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from twisted_cluster.controlpath import (
    NONE,
    PIDFILE,
    directories,
    nameFor,
    socketsIn,
    whyNot,
)
from twisted_cluster.ctl.client import strangerAt
from twisted_cluster.ctl.failures import NOBODY, USAGE, Failure

# Who lives takes a connection at once: that is the kernel's work.
PATIENCE = 1.0


def find(
    control: str | None,
    pidfile: str | None,
    environment: Mapping[str, str],
    isGuessed: bool = True,
) -> str:
    """
    @param control: What was said of the socket.
    @param pidfile: What was said of the pid file.
    @param isGuessed: Whether another cluster may be meant than one of here, if it is the
        only one.
    @return: The control socket of the cluster that is meant.
    @raise Failure: If that is none, or several.
    """
    if control is not None:
        return _given(control)
    places = list(directories(environment, os.getuid()))
    if pidfile is not None:
        return _of(pidfile, places)
    # As twistd: what was started here is meant.
    here = _candidates(PIDFILE, places)
    alive = [path for path in here if isOurs(path)]
    if not alive:
        alive = [path for place in places for path in socketsIn(place) if isOurs(path)]
    if not alive:
        raise Failure(NOBODY, f"no cluster runs: looked in {', '.join(places)}")
    isOfHere = alive[0] in here
    if len(alive) > 1 or not (isGuessed or isOfHere):
        there = "".join(f"\n  --control {path}" for path in alive)
        what = "several clusters run" if len(alive) > 1 else "none of here runs"
        raise Failure(NOBODY, f"{what}, say which is meant:{there}")
    return alive[0]


def _given(path: str) -> str:
    if path == NONE:
        raise Failure(NOBODY, "the cluster has no control socket: it is 'none'")
    path = os.path.abspath(path) if path else path
    why = whyNot(path)
    if why is not None:
        shown = path or "''"
        raise Failure(USAGE, f"--control {shown}: {why}")
    return path


def _of(pidfile: str, places: list[str]) -> str:
    candidates = _candidates(pidfile, places)
    alive = [path for path in candidates if isOurs(path)]
    there = alive or [path for path in candidates if isOwnSocket(path)]
    if not there:
        raise Failure(
            NOBODY,
            f"no cluster with the pid file {pidfile} runs, or its control socket is "
            f"elsewhere: looked in {', '.join(places)}",
        )
    return there[0]


def _candidates(pidfile: str, places: list[str]) -> list[str]:
    name = nameFor(os.path.abspath(pidfile), 0)
    return [os.path.join(place, name) for place in places]


def isOurs(path: str) -> bool:
    """
    Whether somebody listens there who is root, or who asks: nobody else is meant who is
    not named.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PATIENCE)
        try:
            probe.connect(path)
            return strangerAt(probe) is None
        except TimeoutError:
            # So many wait there that it is busy, or more than that.
            return isOwnSocket(path)
        except OSError:
            return False


def isOwnSocket(path: str) -> bool:
    """
    Whether the file is this user's, or root's.
    """
    try:
        return os.lstat(path).st_uid in (0, os.geteuid())
    except OSError:
        return False
