"""
What a cluster is to be, and how that is said: as C{twistd cluster} takes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypedDict

from attrs import Factory, frozen

from twisted_cluster.admin.spec import ControlSpec
from twisted_cluster.controlpath import NONE, whyNot
from twisted_cluster.core.dotted import namesIn
from twisted_cluster.core.log_text import LEVELS
from twisted_cluster.core.rules import COUNT, Rules
from twisted_cluster.core.scaling import Span
from twisted_cluster.core.words import several
from twisted_cluster.cpus import parseWorkers
from twisted_cluster.defaults import BACKLOG
from twisted_cluster.errors import ConfigError, PolicyArgumentError
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
from twisted_cluster.plugins import (
    checkGroups,
    checkLimits,
    checkPins,
    findCommands,
    findReactors,
    policyMaker,
    usableReactors,
)
from twisted_cluster.primary.lives.origin import LastingPath
from twisted_cluster.primary.lives.recipe import Recipe
from twisted_cluster.shares import (
    parseDispatch,
    parseGroups,
    parseLimits,
    parseWeights,
)
from twisted_cluster.wire.inherited import Inherited
from twisted_cluster.wire.privileges import NOT_HERE, canRenounce

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Settings(TypedDict, total=False):
    """
    What can be said of a cluster, whatever it runs; each as the option of the command.

    C{listen}: endpoint descriptions. C{workers}: how many, C{"auto"}, or a range
    in which the load decides: C{"2-8"}. C{policy}: text,
    or what makes an L{ISchedulingPolicy} when called, once for each listener.
    C{dispatch}: C{"kernel"}, or C{["handoff", "tcp:8080=kernel"]}. C{weights}:
    C{"3,1"}, or C{[3, 1]}. C{group}: C{["api=1-2"]}. C{maxConnections}: C{100}, or
    C{[100, "tcp:8080=500"]}. C{maxPerAddress}, C{atLimit}, C{backlog}. C{reactor}: as
    this process unless it is given. In seconds: C{drainTimeout}, C{startTimeout}.
    C{logLevel}: the least that workers log, such as C{"info"}. C{control}: the path of
    the control socket, or C{"none"}.
    """

    listen: str | Sequence[str]
    workers: int | str
    policy: str | NewPolicy
    dispatch: str | Sequence[str]
    weights: str | Sequence[int]
    group: str | Sequence[str]
    maxConnections: int | str | Sequence[int | str]
    maxPerAddress: int | str
    atLimit: str
    reactor: str | None
    backlog: int | str
    logLevel: str
    control: str
    drainTimeout: float | str
    stopTimeout: float | str
    stopDelay: float | str
    startTimeout: float | str
    hangWarning: float | str
    hangTimeout: float | str
    minReady: int | str
    giveUpAfter: int | str
    reloadStep: int | str
    reloadTrial: float | str
    followSymlink: bool
    maxAge: float | str
    maxServed: int | str
    maxRss: int | str
    mailLimit: int | str
    noNewPrivileges: bool
    logRate: float | str
    onHup: str


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
        settings["listen"] = _texts("listen", settings.get("listen", ()))
        for each in parseListens(settings["listen"]):
            if each.kind == UDP:
                why = "an app serves connections: give a .tac file, or a plugin"
                raise ConfigError("listen", str(each), why)
        listens = [f"--listen={each}" for each in settings["listen"]]
        run: list[str | os.PathLike[str]] = ["cluster-app", f"--app={app}", *listens]
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
        rules = Rules.parse(given)
        span = parseWorkers(workers)
        _checkLeast(rules, span)
        _checkPrivileges(rules)
        groups = parseGroups(_texts("group", group), span.most)
        limits = parseLimits(
            _texts("maxConnections", maxConnections), str(maxPerAddress), atLimit
        )
        if reactor is not None:
            _checkReactor(reactor)
        ways = parseDispatch(_texts("dispatch", dispatch), limits)
        newPolicy = _checkedPolicy(policy, span.least, groups, limits)
        listens = parseListens(_texts("listen", listen))
        return cls(
            span.least,
            Recipe(
                run,
                reactor=reactor or "",
                drainTimeout=rules.drainTimeout,
                stopTimeout=rules.stopTimeout,
                noNewPrivileges=rules.noNewPrivileges,
                logRate=rules.logRate,
                inherited=Inherited.find(
                    (spec.fd for spec in listens if spec.fd is not None),
                    isReal=newPolicy() is None or SHARED in ways.all,
                ),
                logLevel=_checkedLevel(logLevel),
                terminal=False,
                multiprocess=span.most > 1,
            ),
            newPolicy,
            listens,
            COUNT.parse("backlog", backlog),
            limits,
            parseWeights(",".join(_texts("weights", weights)), span.most),
            groups,
            rules,
            span.most,
            policy if isinstance(policy, str) else "",
            _controlAt(control),
            ways,
        )


def _texts(name: str, given: int | str | Iterable[int | str]) -> list[str]:
    """
    One, or several, as texts.

    @raise ConfigError: If it is neither.
    """
    if isinstance(given, (int, str)):
        return [str(given)]
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, Iterable):
        raise ConfigError(name, given, "give one, or several in a list")
    return [str(each) for each in given]


def _checkLeast(rules: Rules, span: Span) -> None:
    if rules.minReady > span.least:
        why = f"there may be only {several(span.least, 'worker')}"
        raise ConfigError("minReady", rules.minReady, why)


def _checkPrivileges(rules: Rules) -> None:
    if rules.noNewPrivileges and not canRenounce():
        raise ConfigError("noNewPrivileges", True, NOT_HERE)


def _controlAt(given: str) -> ControlSpec | None:
    """
    @raise ConfigError: If no socket can be there.
    """
    if given == NONE:
        return None
    path = os.path.abspath(given) if given else ""
    why = whyNot(path)
    if why is not None:
        raise ConfigError("control", given, why)
    return ControlSpec(path)


def _checkReactor(name: str) -> None:
    if name not in findReactors():
        why = f"there is no such reactor; there are: {', '.join(usableReactors())}"
        raise ConfigError("reactor", name, why)


def _checkedLevel(name: str) -> str:
    if name not in LEVELS:
        raise ConfigError("logLevel", name, f"give one of {', '.join(LEVELS)}")
    return name


def _checkedPolicy(
    wanted: str | NewPolicy, workers: int, groups: Mapping[int, str], limits: Limits
) -> NewPolicy:
    """
    @raise ConfigError: If it is no policy, or none for such workers.
    """
    try:
        newPolicy = policyMaker(wanted)
        policy = newPolicy()
        checkGroups(policy, groups.values())
        checkPins(policy, workers)
        checkLimits(policy, limits)
    except PolicyArgumentError as error:
        raise ConfigError("policy", wanted, str(error)) from None
    return newPolicy
