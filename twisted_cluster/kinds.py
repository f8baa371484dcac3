"""
Kinds of reactors: which one a process has, said so that another can install the same.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module

from twisted.application.reactors import (
    NoSuchReactor,
    Reactor,
    getReactorTypes,
    installReactor,
)
from twisted.internet.interfaces import IReactorCore
from twisted.internet.posixbase import PosixReactorBase

from twisted_cluster.errors import StartError

REACTOR = "twisted.internet.reactor"


def kindOf(reactor: object) -> str:
    """
    Which kind of reactor workers run on where nobody says anything else: that of the
    process that starts them.

    @return: Its short name, as C{twistd --reactor} takes it; of one that has none, the
        name of the module whose C{install} installs it.
    """
    return _kindOf(type(reactor))  # type: ignore[arg-type]


# Kept, for plugins are found by reading directories, and there may be no descriptor for
# that later.
@cache
def _kindOf(kind: type) -> str:
    names = {
        getattr(known, "moduleName", None): known.shortName for known in getReactorTypes()
    }
    for base in kind.__mro__:
        module = base.__module__
        if module in names:
            name: str = names[module]
            return name
        # What a script has at its top the worker's own script installs.
        if module != "__main__" and _installs(module):
            return module
    return kind.__module__


def _installs(module: str) -> bool:
    return callable(getattr(sys.modules.get(module), "install", None))


def installKind(kind: str) -> PosixReactorBase:
    """
    Install a reactor.

    @param kind: What L{kindOf} returns.
    @raise StartError: If that cannot be, whatever the reason.
    """
    try:
        return checkedPosix(_install(kind))
    except Exception as error:
        why = str(error) or type(error).__name__
        raise StartError(
            f"twisted_cluster: a worker cannot run on the reactor {kind!r}: {why}; "
            "choose another: twistd cluster --reactor=NAME, or "
            "cluster.setupPrimary(reactor=NAME)"
        ) from None


def _install(kind: str) -> IReactorCore:
    stock = _stock(kind)
    try:
        if stock is None:
            installReactor(kind)
        else:
            stock.install()
    except NoSuchReactor:
        import_module(kind).install()
    return sys.modules[REACTOR]  # type: ignore[return-value]


def _stock(kind: str) -> Reactor | None:
    """
    One of Twisted's own, for which no directory of plugins has to be read.
    """
    # Only here: it looks at all of C{sys.path}, which is not checked before.
    from twisted.plugins import twisted_reactors

    stock = (one for one in vars(twisted_reactors).values() if isinstance(one, Reactor))
    return next((one for one in stock if one.shortName == kind), None)


def checkedPosix(reactor: object) -> PosixReactorBase:
    """
    @raise TypeError: If it cannot be a worker's.
    """
    if not isinstance(reactor, PosixReactorBase):
        kind = type(reactor)
        raise TypeError(
            f"{kind.__module__}.{kind.__qualname__} is no posix reactor: it cannot wait "
            "for descriptors, as a worker's must"
        )
    return reactor
