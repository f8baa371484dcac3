"""
The two directories of a process that is told to run in another one than it is started in.
"""

from __future__ import annotations

import os

from attrs import frozen
from twisted.logger import Logger

from twisted_cluster.primary.lives.origin import LastingPath

log = Logger()


@frozen
class RunDirectory:
    """
    What C{twistd --rundir} means for workers: they read their options where this process
    did, and go then where it went.

    @ivar start: Where this process was started.
    @ivar run: Where it runs.
    """

    start: LastingPath
    run: LastingPath

    def canBeReached(self) -> bool:
        """
        Whether workers may enter both; else they stay where this process is, and the log
        says so.
        """
        for each in (self.start, self.run):
            try:
                os.stat(os.path.join(each, "."))
            except OSError as error:
                log.warn(
                    "workers cannot enter {directory} ({why}): relative paths among "
                    "their options mean {run}",
                    directory=os.fspath(each),
                    why=error.strerror,
                    run=os.fspath(self.run),
                )
                return False
        return True
