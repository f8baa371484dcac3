"""
C{twistd cluster}: options, and the service that they ask for.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping, Sequence

from attrs import evolve
from twisted.application.service import IService
from twisted.python import usage
from twisted.scripts._twistd_unix import ServerOptions

from twisted_cluster.controlpath import NONE, VARIABLE
from twisted_cluster.core.log_text import LEVELS
from twisted_cluster.core.rules import RULES, defaultTexts
from twisted_cluster.defaults import BACKLOG
from twisted_cluster.errors import ConfigError, StartError, optionOf, shown
from twisted_cluster.logs.observer import FORMATS, LineObserver
from twisted_cluster.logs.twistd import STDOUT, isOurs, observerFor, pathOf
from twisted_cluster.plugins import findPolicies
from twisted_cluster.primary.config import ClusterConfig
from twisted_cluster.primary.settings import Settings
from twisted_cluster.reactors import theReactor
from twisted_cluster.twistd import controlled, likeTwistd, refuse


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
        ["workers", "w", "auto", "How many workers: a number, 'auto' for as many "
         "CPUs as this process may use, or a range, in which the load decides: 2-8."],
        ["policy", None, "round-robin", "Who serves the next connection, as NAME or "
         "NAME:key=value,key=value."],
        ["weights", None, None, "What share each worker is to have, as 3,1,1; 1 for "
         "those that are left out. For policies that look at it."],
        ["at-limit", None, "wait", "What becomes of a connection that is one too many: "
         "'wait' in the kernel's backlog, 'refuse' (closed), 'shed' (told, and closed)."],
        ["max-per-address", None, None, "How many connections a client address may "
         "have."],
        ["reactor", None, None, "Which reactor the workers run on; as this process if "
         "it is not given."],
        ["log-level", None, "info", "The least that is logged, here and in workers: "
         f"{', '.join(LEVELS)}."],
        ["log-format", None, None, "How it is written: 'text', as by default, or 'json', "
         "an object in each line."],
        ["control", None, None, "Where the control socket is, for 'twisted-cluster': a "
         "path, or 'none'; in the runtime directory, named after the pid file, if it is "
         f"not given, nor in {VARIABLE}."],
        ["backlog", None, str(BACKLOG), "How many connections the kernel queues for a "
         "port, at least."],
        *([optionOf(name), None, text, RULES[name].help]
          for name, text in defaultTexts().items()),
    ]  # fmt: skip
    optFlags = [
        [optionOf(name), None, rule.help]
        for name, rule in RULES.items()
        if rule.accepted is None
    ]

    def __init__(self) -> None:
        super().__init__()
        # Before Python 3.13 a docstring has its indentation.
        self.docs = {name: " ".join((d or "").split()) for name, d in self.docs.items()}
        self["listen"] = []
        self["plugin"] = []
        self["group"] = []
        self["max-connections"] = []
        self["dispatch"] = []

    def opt_listen(self, description: str) -> None:
        """
        A port to bind before privileges are shed, as an endpoint: tcp:8080. May be given
        again. What --app names serves it; a .tac file or a plugin has to listen there by
        itself: a --listen after PLUGIN is the plugin's own.
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

    def opt_dispatch(self, description: str) -> None:
        """
        How connections reach workers: 'kernel' (each accepts from a socket of its own,
        among which Linux chooses as the policy says), 'handoff' (the primary accepts),
        'auto' (as 'kernel' where nothing is lost by that, else as 'handoff'; that is the
        default), 'shared' (from one socket); or of one port, as tcp:8080=kernel. May be
        given again.
        """
        self["dispatch"].append(description)

    def parseArgs(self, *plugin: str) -> None:
        self["plugin"] = list(plugin)
        if {"--help", "--version"}.intersection(plugin[1:]):
            # It ends here, and so may load what a primary does not: the plugin.
            ServerOptions().parseOptions(plugin)

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
        refuse(self.parent or {})
        self._checkFormat()
        try:
            config = likeTwistd(self._config(), self.parent or {})
            isSaid = self._control is not None
            self["config"] = controlled(config, self.parent or {}, isSaid)
        except ConfigError as error:
            raise usage.UsageError(_inOptions(error)) from None

    def _checkFormat(self) -> None:
        given = self["log-format"]
        if given is None:
            return
        if given not in FORMATS:
            raise usage.UsageError(
                f"--log-format {shown(given)}: give one of {', '.join(FORMATS)}"
            )
        if not isOurs(self.parent or {}):
            raise usage.UsageError(
                "--log-format is for the log of 'twistd cluster': not under 'twist', and "
                "not with --logger or --syslog"
            )

    @property
    def _control(self) -> str | None:
        given = self["control"]
        return (os.environ.get(VARIABLE) or None) if given is None else str(given)

    def _config(self) -> ClusterConfig:
        if sum(map(bool, (self["app"], self["python"], self["plugin"]))) != 1:
            raise usage.UsageError(
                "say what to run, once: --app=mod.name, -y FILE, or a twistd plugin"
            )
        settings: Settings = {
            "listen": self["listen"],
            "workers": self["workers"],
            "policy": self["policy"],
            "dispatch": self["dispatch"],
            "weights": self["weights"] or "",
            "group": self["group"],
            "maxConnections": self["max-connections"],
            "maxPerAddress": self["max-per-address"] or "",
            "atLimit": self["at-limit"],
            "reactor": self["reactor"],
            "backlog": self["backlog"],
            "logLevel": self["log-level"],
            "control": NONE if self._control is None else self._control,
            **{name: self[optionOf(name)] for name in RULES},  # type: ignore[typeddict-item]
        }
        if self["app"]:
            return ClusterConfig.forApp(self["app"], **settings)
        if self["python"]:
            return ClusterConfig.forFile(self["python"], **settings)
        return ClusterConfig.forPlugin(self["plugin"], **settings)


def _inOptions(error: ConfigError) -> str:
    if error.name == "plugin":
        return error.why
    if error.name == "file":
        return f"-y {error.given}: {error.why}"
    return error.asOption


def makeService(options: Options) -> IService:
    """
    Make the primary's service.
    """
    from twisted_cluster.command import CommandService

    config, observer = _configOf(options), _observerOf(options)
    service = CommandService(theReactor(), config, observer, _twistdsOf(options))
    service.takeSignals()
    return service


def _configOf(options: Options) -> ClusterConfig:
    config: ClusterConfig = options["config"]
    twistd = _twistdsOf(options)
    recipe = evolve(
        config.recipe,
        # As under twistd: that one is used instead of the application's own.
        ownObserver=not twistd.get("logger"),
        rotates=isOurs(twistd) and pathOf(twistd) != STDOUT,
    )
    return evolve(config, recipe=recipe)


def _observerOf(options: Options) -> LineObserver | None:
    twistd = _twistdsOf(options)
    if not isOurs(twistd):
        return None
    format = options["log-format"] or FORMATS[0]
    return observerFor(twistd, options["log-level"], format)


def _twistdsOf(options: Options) -> MutableMapping[str, object]:
    return options.parent or {}
