"""
What a cluster is to be: as C{twistd cluster} takes it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import Factory, frozen

from twisted_cluster.admin.spec import ControlSpec
from twisted_cluster.controlpath import NONE
from twisted_cluster.core.dotted import namesIn
from twisted_cluster.core.rules import COUNT, Rules
from twisted_cluster.core.scaling import Span
from twisted_cluster.cpus import parseWorkers
from twisted_cluster.defaults import BACKLOG
from twisted_cluster.errors import ConfigError
from twisted_cluster.events import (
    NO_LIMITS,
    SHARED,
    UDP,
    Dispatch,
    Limits,
    ListenSpec,
)
from twisted_cluster.interfaces import NewPolicy
from twisted_cluster.listening import parseListens
from twisted_cluster.plugins import findCommands
from twisted_cluster.primary.lives.origin import LastingPath
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.primary.settings import (
    Settings,
    checkedLevel,
    checkedPolicy,
    checkReactor,
    checkRules,
    controlAt,
    texts,
)
from twisted_cluster.shares import (
    parseDispatch,
    parseGroups,
    parseLimits,
    parseWeights,
)
from twisted_cluster.wire.bootstrap import COMMAND
from twisted_cluster.wire.inherited import Inherited

if TYPE_CHECKING:
    from typing_extensions import Unpack


@frozen
class ClusterConfig:
    """
    What a cluster is to be. L{forApp}, L{forFile} and L{forPlugin} make one.

    @ivar workers: How many; 1 or more.
    @ivar recipe: What each is made of.
    @ivar newPolicy: Makes one listener's policy.
    @ivar listen: Ports that the cluster itself binds, and holds.
    @ivar backlog: The least backlog of every listener.
    @ivar limits: How many connections are served at a time.
    @ivar weights: What share each worker is to have, by its number; 1 where none is
        given.
    @ivar groups: The group of each worker that is in one, by its number.
    @ivar rules: How workers live.
    @ivar most: How many workers there may be where the load asks for them; 0 is no more
        than C{workers}.
    @ivar policy: What was said of the policy, if that was a text.
    @ivar dispatch: How connections reach workers.
    @ivar control: Where operators can ask, and tell it something; L{None}: nowhere.
    """

    workers: int
    recipe: Recipe
    newPolicy: NewPolicy
    listen: Sequence[ListenSpec] = ()
    backlog: int = BACKLOG
    limits: Limits = NO_LIMITS
    weights: Mapping[int, int] = Factory(dict)
    groups: Mapping[int, str] = Factory(dict)
    rules: Rules = Factory(Rules)
    most: int = 0
    policy: str = ""
    control: ControlSpec | None = None
    dispatch: Dispatch = Factory(Dispatch)

    @property
    def span(self) -> Span:
        """
        How many workers there may be.
        """
        return Span(self.workers, max(self.workers, self.most))

    @classmethod
    def forApp(cls, app: str, **settings: Unpack[Settings]) -> ClusterConfig:
        """
        A cluster of what C{--app} takes.

        @param app: The dotted name of a factory, resource, service or WSGI application,
            or of what returns one; only workers import it.
        @param settings: See L{Settings}. All but a service need C{listen}.
        @raise ConfigError: If one is not accepted.
        @raise TypeError: If there is no such setting.
        """
        if not isinstance(app, str) or not namesIn(app):
            raise ConfigError("app", app, "give a dotted name, such as mod.factory")
        settings["listen"] = texts("listen", settings.get("listen", ()))
        for each in parseListens(settings["listen"]):
            if each.kind == UDP:
                why = "an app serves connections: give a .tac file, or a plugin"
                raise ConfigError("listen", str(each), why)
        listens = [f"--listen={each}" for each in settings["listen"]]
        run: list[str | os.PathLike[str]] = [COMMAND, f"--app={app}", *listens]
        with suppress(OSError):
            run += ["--directory", LastingPath.of(os.getcwd())]
        return cls._running(run, **settings)

    @classmethod
    def forFile(cls, path: str, **settings: Unpack[Settings]) -> ClusterConfig:
        """
        A cluster of a C{.tac} file, as C{-y} takes it.

        @param settings: See L{Settings}.
        @raise ConfigError: If one is not accepted, or there is no such file.
        @raise TypeError: If there is no such setting.
        """
        if not os.path.isfile(path):
            isThere = os.path.exists(path)
            what = "it is no regular file" if isThere else "there is no such file"
            raise ConfigError("file", path, what)
        return cls._running(["-y", LastingPath.of(os.path.abspath(path))], **settings)

    @classmethod
    def forPlugin(
        cls, plugin: Sequence[str], **settings: Unpack[Settings]
    ) -> ClusterConfig:
        """
        A cluster of a plugin of twistd.

        @param plugin: Its name, and its options: C{["web", "--path=."]}. These stay
            unparsed: some plugins import the application to do that.
        @param settings: See L{Settings}.
        @raise ConfigError: If one is not accepted, or there is no such plugin.
        @raise TypeError: If there is no such setting.
        """
        known = findCommands()
        if isinstance(plugin, str) or not all(isinstance(one, str) for one in plugin):
            why = "give a list of texts, such as ['web', '--path=.']"
            raise ConfigError("plugin", plugin, why)
        name = plugin[0] if plugin else ""
        if name not in known:
            why = f"there is no plugin {name!r}; there are: {', '.join(known)}"
            raise ConfigError("plugin", plugin, why)
        return cls._running(plugin, **settings)

    @classmethod
    def _running(
        cls,
        run: Sequence[str | os.PathLike[str]],
        *,
        listen: str | Sequence[str] = (),
        workers: int | str = "auto",
        policy: str | NewPolicy = "round-robin",
        dispatch: str | Sequence[str] = (),
        weights: str | Sequence[int] = "",
        group: str | Sequence[str] = (),
        maxConnections: int | str | Sequence[int | str] = (),
        maxPerAddress: int | str = "",
        atLimit: str = "wait",
        reactor: str | None = None,
        backlog: int | str = BACKLOG,
        logLevel: str = "info",
        control: str = NONE,
        **given: object,
    ) -> ClusterConfig:
        """
        @param run: What a worker's twistd is to run.
        @param given: Rules.
        """
        rules, span = Rules.parse(given), parseWorkers(workers)
        checkRules(rules, span)
        groups = parseGroups(texts("group", group), span.most)
        limits = parseLimits(
            texts("maxConnections", maxConnections), str(maxPerAddress), atLimit
        )
        if reactor is not None:
            checkReactor(reactor)
        ways = parseDispatch(texts("dispatch", dispatch), limits)
        newPolicy = checkedPolicy(policy, span.least, groups, limits)
        listens = parseListens(texts("listen", listen))
        recipe = Recipe(
            run,
            reactor=reactor or "",
            drainTimeout=rules.drainTimeout,
            stopTimeout=rules.stopTimeout,
            noNewPrivileges=rules.noNewPrivileges,
            logRate=rules.logRate,
            warm=rules.warm,
            inherited=Inherited.find(
                (spec.fd for spec in listens if spec.fd is not None),
                isReal=newPolicy() is None or SHARED in ways.all,
            ),
            logLevel=checkedLevel(logLevel),
            terminal=False,
            multiprocess=span.most > 1,
        )
        return cls(
            span.least,
            recipe,
            newPolicy,
            listens,
            COUNT.parse("backlog", backlog),
            limits,
            parseWeights(",".join(texts("weights", weights)), span.most),
            groups,
            rules,
            span.most,
            policy if isinstance(policy, str) else "",
            controlAt(control),
            ways,
        )
