"""
C{--app}: from a dotted name to a running service.
"""

from __future__ import annotations

import importlib
import inspect
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from twisted.application.service import IService, MultiService
from twisted.application.strports import service as portService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory

from twisted_cluster.core.dotted import namesIn
from twisted_cluster.errors import StartError, shown
from twisted_cluster.reactors import IClusterReactor
from twisted_cluster.worker.directory import workingDirectory
from twisted_cluster.worker.starting import asDeferred, noted

ACCEPTED = (
    "a protocol factory, an IResource, a Klein app, an IService, a WSGI application, "
    "or something that can be called with nothing, or with the reactor, and returns one, "
    "or a Deferred or a coroutine of one"
)


def resolve(name: str) -> object:
    """
    Find what a dotted name names.

    @param name: C{"package.module.attribute"}, or C{"package.module:attribute"}.
    @raise StartError: If there is no such thing; if a module failed while it was
        imported, with its traceback.
    """
    parts = namesIn(name)
    if not parts:
        raise StartError(
            f"twistd cluster: --app={shown(name)}: "
            "give a dotted name, such as mod.factory"
        )
    for end in range(len(parts) - 1, 0, -1):
        found = _import(".".join(parts[:end]))
        if found is not None:
            return _attribute(found, parts[end:], name)
    where = "" if workingDirectory() else "; the working directory has been removed"
    raise StartError(
        f"twistd cluster: --app={name}: there is no module {parts[0]!r}{where}"
    )


def _import(module: str) -> object:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module == missing or module.startswith(missing + "."):
            return None
        raise _failed(f"importing {module} failed", error) from None
    except Exception as error:
        raise _failed(f"importing {module} failed", error) from None


def _failed(what: str, error: Exception) -> StartError:
    # What it was is said once more, in the line that is read if only one is.
    why = traceback.format_exception_only(type(error), error)[-1].strip()
    return StartError(f"{traceback.format_exc()}twistd cluster: --app: {what}: {why}")


def _attribute(found: object, names: Sequence[str], whole: str) -> object:
    for name in names:
        if not hasattr(found, name):
            raise StartError(
                f"twistd cluster: --app={whole}: "
                f"{getattr(found, '__name__', found)!r} has no attribute {name!r}"
            )
        found = getattr(found, name)
    return found


def makeService(name: str, listen: Sequence[str], reactor: IClusterReactor) -> IService:
    """
    Make the service of an application.

    @param name: What L{resolve} takes.
    @param listen: Endpoint descriptions, for applications that do not listen
        themselves.
    @raise StartError: If the application is of an unusable kind, or C{listen} is
        missing.
    """
    given = made = resolve(name)
    if _asService(given, reactor) is None and callable(given):
        made = _call(given, reactor, name)
    service = partial(_service, name, listen, reactor)
    later = asDeferred(made)
    if later is not None:
        return LateService(later, service)
    return service(made, given)


class LateService(MultiService):
    """
    A service that comes later. This worker is not ready before it has started.
    """

    def __init__(
        self, later: Deferred[object], asService: Callable[[object], IService]
    ) -> None:
        """
        @param later: Fires with what C{asService} is given.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._later = later
        self._asService = asService

    def startService(self) -> Deferred[None]:
        """
        Start it as soon as it is there.
        """
        super().startService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        service = self._asService(await self._later)
        if not self.running:
            return
        with noted() as found:
            service.setServiceParent(self)
        for start in found:
            await start


def _service(
    name: str,
    listen: Sequence[str],
    reactor: IClusterReactor,
    found: object,
    named: object = None,
) -> IService:
    """
    @param named: What the name names, if that is another.
    """
    made = _asService(found, reactor)
    if made is None:
        given = found if named is None else named
        raise StartError(
            f"twistd cluster: --app={name} is {_kindOf(given)}; accepted are {ACCEPTED}"
        )
    if IService.providedBy(made):
        return made
    if not listen:
        raise StartError(
            f"twistd cluster: --app={name} does not say where to listen: "
            "add --listen, such as --listen tcp:8080"
        )
    services, factory = MultiService(), cast(IProtocolFactory, made)
    for description in listen:
        _serve(description, factory, reactor).setServiceParent(services)
    return services


def _serve(
    description: str, factory: IProtocolFactory, reactor: IClusterReactor
) -> IService:
    try:
        return portService(description, factory, reactor=reactor)
    except Exception as error:
        why = _whyNot(error)
        if not why:
            raise
        # What Twisted did with it tells nobody more.
        raise StartError(
            f"twistd cluster: --listen {shown(description)}: {why}"
        ) from None


def _whyNot(error: Exception) -> str:
    """
    @return: What is wrong with an endpoint: a certificate, or a library, that is missing
        or is none; empty if that is not known.
    """
    why = traceback.format_exception_only(type(error), error)[-1].strip()
    if isinstance(error, (ImportError, NameError)):
        # Twisted leaves names undefined where it could not import their libraries.
        return f"{why}; for TLS: pip install 'twisted[tls]'"
    if isinstance(error, (OSError, TypeError, ValueError)):
        return why
    return why if type(error).__module__.startswith("OpenSSL.") else ""


def _kindOf(given: object) -> str:
    return f"{given!r:.60} (a {type(given).__name__})"


def _asService(given: object, reactor: IClusterReactor) -> object:
    """
    @return: An L{IService}, an L{IProtocolFactory}, or L{None}.
    """
    if isinstance(given, type):
        return None
    if IService.providedBy(given) or IProtocolFactory.providedBy(given):
        return given
    return _asSite(given, reactor)


def _asSite(given: object, reactor: IClusterReactor) -> object:
    from twisted.web.resource import IResource
    from twisted.web.server import Site
    from twisted.web.wsgi import WSGIResource

    resource = getattr(given, "resource", None)
    if hasattr(given, "url_map") and callable(resource):
        given = resource()  # Klein's
    if IResource.providedBy(given):
        return Site(given)
    if callable(given) and len(_required(given)) == 2:
        return Site(WSGIResource(reactor, reactor.getThreadPool(), given))
    return None


def _required(given: Callable[..., object]) -> list[str]:
    try:
        parameters = inspect.signature(given).parameters.values()
    except (TypeError, ValueError):
        return []
    positional = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    return [p.name for p in parameters if p.kind in positional and p.default is p.empty]


def _call(given: Callable[..., object], reactor: IClusterReactor, name: str) -> object:
    required = _required(given)
    if len(required) > 1:
        return None
    try:
        return given(reactor) if required else given()
    except StartError:
        raise
    except Exception as error:
        raise _failed(f"calling {name} failed", error) from None
