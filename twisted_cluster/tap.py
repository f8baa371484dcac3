"""
C{twistd cluster}: options, and the service that they ask for.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

from twisted.application.service import IService, IServiceMaker
from twisted.plugin import getPlugins
from twisted.python import usage

from twisted_cluster.cpus import usableCPUs
from twisted_cluster.errors import PolicyArgumentError, StartError
from twisted_cluster.events import ListenSpec
from twisted_cluster.listening import parseListen
from twisted_cluster.plugins import (
    checkGroups,
    checkPins,
    findPolicies,
    findReactors,
    parsePolicy,
)
from twisted_cluster.shares import parseGroups, parseLimits, parseWeights

MOST_WORKERS = 1024


class Options(usage.Options):
    """
    Options of C{twistd cluster}.
    """

    synopsis = "[options] (--app=mod.name [--listen=...] | -y FILE | PLUGIN [options])"
    longdesc = (
        "Run any Twisted server on every core: one application, many worker "
        "processes, one port. The application is a dotted name (--app), a .tac "
        "file (-y), or any twistd plugin with its own options."
    )
    optParameters = [
        ["app", None, None, "Dotted name of a factory, resource, service or WSGI app."],
        ["python", "y", None, "Run a .tac file, as 'twistd -y' does."],
        ["workers", "w", "auto", "How many workers: a number, or 'auto' for as many "
         "CPUs as this process may use."],
        ["policy", None, "round-robin", "Who serves the next connection, as NAME or "
         "NAME:key=value,key=value."],
        ["weights", None, "", "What share each worker is to have, as 3,1,1; 1 for those "
         "that are left out. For policies that look at it."],
        ["at-limit", None, "wait", "What becomes of a connection that is one too many: "
         "'wait' in the kernel's backlog, 'refuse' (closed), 'shed' (told, and closed)."],
        ["max-per-address", None, "", "How many connections a client address may have."],
        ["reactor", None, "default", "Which reactor the workers run on."],
        ["drain-timeout", None, "30", "How long a worker that ends may finish what it "
         "serves, in seconds."],
        ["backlog", None, "511", "How many connections the kernel queues for a port, "
         "at least."],
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []
        self["plugin"] = []
        self["group"] = []
        self["max-connections"] = []

    def opt_listen(self, description: str) -> None:
        """
        Where to listen, as an endpoint: tcp:8080. May be given again. Ports given here
        are bound before privileges are shed, and whatever the application listens on.
        """
        self["listen"].append(description)

    def opt_group(self, description: str) -> None:
        """
        A name for some of the workers, as NAME=1-2 or NAME=1,4. May be given again.
        """
        self["group"].append(description)

    def opt_max_connections(self, description: str) -> None:
        """
        How many connections a worker may have at a time, as NUMBER; or a port in all
        workers together, as tcp:8080=NUMBER. May be given again.
        """
        self["max-connections"].append(description)

    def parseArgs(self, *plugin: str) -> None:
        self["plugin"] = list(plugin)

    def getUsage(self, width: int | None = None) -> str:
        policies = "".join(
            f"\n    {name:20} {maker.description}"
            for name, maker in sorted(findPolicies().items())
        )
        return f"{super().getUsage(width)}\nPolicies:{policies}\n"

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            raise StartError(
                f"twistd cluster: {error}\nTry 'twistd cluster --help'"
            ) from None

    def postOptions(self) -> None:
        if not hasattr(socket, "SCM_RIGHTS"):
            raise StartError(
                "twistd cluster: this platform cannot pass descriptors between processes"
            )
        self["workers"] = self._workers(self["workers"])
        self["drain-timeout"] = self._number("drain-timeout", float, 0)
        self["backlog"] = self._number("backlog", int, 1)
        self["specs"] = [parseListen(description) for description in self["listen"]]
        self._checkTwice(self["specs"])
        self._checkReactor()
        self["weights"] = parseWeights(self["weights"], self["workers"])
        self["groups"] = parseGroups(self["group"], self["workers"])
        self["limits"] = parseLimits(
            self["max-connections"], self["max-per-address"], self["at-limit"]
        )
        try:
            self["newPolicy"] = parsePolicy(self["policy"])
            policy = self["newPolicy"]()
            checkGroups(policy, self["groups"].values())
            checkPins(policy, self["workers"])
        except PolicyArgumentError as error:
            raise usage.UsageError(f"--policy {self['policy']}: {error}") from None
        if policy is None and self["limits"].any:
            raise usage.UsageError(
                "--policy none lets the kernel choose, which knows no limits: "
                "leave out --max-connections and --max-per-address"
            )
        self["arguments"] = self._arguments()

    def _workers(self, text: str) -> int:
        if text == "auto":
            return usableCPUs()
        if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
            raise usage.UsageError(
                f"--workers {text}: give a number from 1 to {MOST_WORKERS}, or auto"
            )
        return int(text)

    def _number(self, name: str, kind: type, least: float) -> Any:
        try:
            value = kind(self[name])
            if not least <= value < 1e9:
                raise ValueError
        except ValueError:
            raise usage.UsageError(
                f"--{name} {self[name]}: give a number, {least} or more"
            ) from None
        return value

    def _checkTwice(self, specs: Sequence[ListenSpec | None]) -> None:
        fixed = [spec for spec in specs if spec is not None and (spec.port or spec.path)]
        for count, spec in enumerate(fixed):
            if spec in fixed[:count]:
                raise usage.UsageError(f"--listen {spec} is given twice")

    def _checkReactor(self) -> None:
        known = findReactors()
        if self["reactor"] not in known:
            raise usage.UsageError(
                f"--reactor {self['reactor']}: there is no such reactor; "
                f"there are: {', '.join(known)}"
            )

    def _arguments(self) -> list[str]:
        """
        What a worker's twistd is to run.
        """
        ways = [bool(self["app"]), bool(self["python"]), bool(self["plugin"])]
        if sum(ways) != 1:
            raise usage.UsageError(
                "say what to run, once: --app=mod.name, -y FILE, or a twistd plugin"
            )
        if self["app"]:
            listens = [f"--listen={description}" for description in self["listen"]]
            return ["cluster-app", f"--app={self['app']}", *listens]
        if self["python"]:
            return ["-y", self._file(self["python"])]
        return self._plugin(self["plugin"])

    def _file(self, path: str) -> str:
        if not os.path.isfile(path):
            raise usage.UsageError(f"-y {path}: there is no such file")
        return os.path.abspath(path)

    def _plugin(self, plugin: list[str]) -> list[str]:
        # Its options stay unparsed: some plugins import the application to do that.
        known = {maker.tapname for maker in getPlugins(IServiceMaker)} - {"cluster"}
        if plugin[0] not in known:
            raise usage.UsageError(
                f"there is no plugin {plugin[0]!r}; there are: {', '.join(sorted(known))}"
            )
        return plugin


def makeService(options: Options) -> IService:
    """
    Make the primary's service.
    """
    from twisted.internet import reactor

    from twisted_cluster.primary.lives.recipe import Recipe
    from twisted_cluster.primary.service import ClusterConfig, ClusterService

    _exitWithZero(reactor)
    specs: list[ListenSpec] = [spec for spec in options["specs"] if spec is not None]
    command = ["-m", "twisted_cluster.worker", *options["arguments"]]
    recipe = Recipe(command, options["reactor"], options["drain-timeout"])
    config = ClusterConfig(
        options["workers"],
        recipe,
        options["newPolicy"],
        specs,
        options["backlog"],
        options["limits"],
        options["weights"],
        options["groups"],
    )
    return ClusterService(reactor, config)


def _exitWithZero(reactor: Any) -> None:
    """
    twistd ends by the signal that stopped it; a cluster that has drained is a success.
    """
    reactor.addSystemEventTrigger(
        "after", "shutdown", setattr, reactor, "_exitSignal", None
    )
