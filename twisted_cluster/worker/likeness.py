"""
Classes that are taken for the stock ones that they change.
"""

from __future__ import annotations


class _Like(type):
    """
    The class of classes that are equal to the last of their bases: there are programs
    that look whether the reactor is of the kind that they want.

    @see: C{scrapy.utils.reactor.verify_installed_reactor}
    """

    def __eq__(cls, other: object) -> bool:
        return _stockOf(cls) is _stockOf(other)

    def __hash__(cls) -> int:
        return hash(_stockOf(cls))


def _stockOf(kind: object) -> object:
    return kind.__bases__[-1] if isinstance(kind, _Like) else kind


def likeStock(base: type, *mixins: type) -> type:
    """
    @return: The class C{base} with what the mixins change.
    """
    # Twisted's child processes import the reactor by the name of its class's module,
    # and its tests know reactors by the names of their classes.
    names = {"__module__": base.__module__, "__qualname__": base.__qualname__}
    # A metaclass of its own, such as Qt's, has to do.
    make = _Like if type(base) is type else type
    return make(base.__name__, (*mixins, base), names)
