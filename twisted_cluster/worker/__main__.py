"""
twistd, told what to run.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from twisted.application import app
from twisted.application.service import IService
from twisted.python import usage
from twisted.scripts._twistd_unix import ServerOptions

from twisted_cluster.errors import StartError
from twisted_cluster.reactors import theReactor
from twisted_cluster.wire.bootstrap import COMMAND
from twisted_cluster.wire.inherited import claim
from twisted_cluster.worker.directory import leaveOutNowhere
from twisted_cluster.worker.reactor import install
from twisted_cluster.worker.running import announcement, runApp

TWISTD = (
    "--nodaemon",
    "--pidfile=",
    # A .tac that sets a process name would make twistd start itself anew, and lose
    # the descriptors.
    "--originalname",
    "--reactor=cluster",
)


class AppOptions(usage.Options):
    """
    What the primary was given for C{--app}, passed on.
    """

    optParameters = [
        ["app", None, None, "The application."],
        ["directory", None, None, "Where it may be found besides."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []

    def opt_listen(self, description: str) -> None:
        """
        Where to listen.
        """
        self["listen"].append(description)

    def lookThere(self) -> None:
        """
        Let it be found where it may be found besides.
        """
        # Last: what lies there may have the name of a module of the standard library.
        sys.path.extend({self["directory"]} - {None, "", *sys.path})


class AppMaker:
    """
    Makes the service of C{--app}, as a plugin of twistd would.
    """

    tapname = COMMAND
    options = AppOptions

    @staticmethod
    def makeService(options: AppOptions) -> IService:
        from twisted_cluster.worker.application import makeService

        options.lookThere()
        return makeService(options["app"], options["listen"], theReactor())


class WorkerOptions(ServerOptions):
    """
    twistd's options, with one more command.
    """

    @property
    def subCommands(self) -> Iterator[Any]:
        # First: plugins are looked for only where one is asked for.
        self.loadedPlugins: dict[str, Any] = {COMMAND: AppMaker}
        yield COMMAND, None, AppOptions, "An application by its dotted name."
        yield from super().subCommands

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            # Without all that there is to be said of its options: this is for a log.
            command = " ".join(filter(None, ["twistd", self.subCommand]))
            raise StartError(f"{command}: {error}\nTry '{command} --help'") from None

    def postOptions(self) -> None:
        super().postOptions()
        if self["profile"]:
            # The file itself is the primary's.
            self["profile"] += f".{announcement().slot}"

    def opt_reactor(self, shortName: str) -> None:
        """
        Which reactor to use.
        """
        # Without looking for it among the plugins: it is always this one.
        install()
        sys.argv[0] = announcement().program or sys.argv[0]
        # Of Twisted and ours nothing is rubbish until the end, when Python would look
        # through all of it several times: half of what a worker's end costs. The
        # application is not there yet.
        gc.freeze()


def main() -> None:
    """
    Run twistd.
    """
    claim(os.environ)
    leaveOutNowhere()
    sys.argv[0:1] = ["twistd", *TWISTD]
    app.run(runApp, WorkerOptions)
