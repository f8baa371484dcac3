"""
The log of C{twistd cluster}: written where twistd would write its own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from twisted_cluster.errors import StartError
from twisted_cluster.logs.observer import LineObserver, Stream
from twisted_cluster.logs.rotation import RotatingLog

STDOUT = "-"
# As twistd calls it, for a daemon that was told nothing else.
FILE = "twistd.log"


def isOurs(options: Mapping[str, object]) -> bool:
    """
    Whether the log is to be ours: the options are twistd's, and none of them wants
    another.

    @param options: Those of the command whose plugin is run.
    """
    if "nodaemon" not in options:
        return False
    return not (options.get("logger") or options.get("syslog"))


def pathOf(options: Mapping[str, object]) -> str:
    """
    @param options: twistd's.
    @return: The file that the log is written to, or L{STDOUT}.
    """
    isForeground = options.get("nodaemon") or options.get("debug")
    return str(options.get("logfile") or (STDOUT if isForeground else FILE))


def observerFor(options: Mapping[str, object], level: str, format: str) -> LineObserver:
    """
    @param options: twistd's.
    @raise StartError: If the log cannot be written there.
    @see: L{twisted.scripts._twistd_unix.UnixAppLogger}
    """
    path = pathOf(options)
    if path != STDOUT:
        return LineObserver(_openLog(path), level, format)
    if not (options.get("nodaemon") or options.get("debug")):
        raise StartError("Daemons cannot log to stdout, exiting!")
    return LineObserver(sys.stdout, level, format)


def _openLog(path: str) -> Stream:
    try:
        file: RotatingLog = RotatingLog.fromFullPath(path)
    except OSError as error:
        why = error.strerror or error
        raise StartError(f"twistd cluster: cannot log to {path}: {why}") from None
    return file
