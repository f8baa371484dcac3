"""
Where a worker runs, and with which umask.
"""

from __future__ import annotations

import os

from twisted.scripts._twistd_unix import UnixApplicationRunner


class PlacedRunner(UnixApplicationRunner):
    """
    Runs an application as twistd does. What concerns the whole command, the primary has
    done.
    """

    def preApplication(self) -> None:
        # A plugin may have set it by itself: it would be every worker's.
        self.config["pidfile"] = ""
        super().preApplication()

    def setupEnvironment(
        self,
        chroot: str | None,
        rundir: str,
        nodaemon: bool,
        umask: int | None,
        pidfile: str | None,
    ) -> None:
        """
        Go where this is to run.
        """
        # Not to where it is: it could not enter that if it is somebody else's.
        if rundir != ".":
            os.chdir(rundir)
        if umask is not None:
            os.umask(umask)
