"""
Built-in policies, and what makes one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import Factory, frozen
from zope.interface import implementer

from twisted_cluster.errors import PolicyArgumentError
from twisted_cluster.interfaces import IPolicyMaker, ISchedulingPolicy


@implementer(IPolicyMaker)
@frozen
class PolicyMaker:
    """
    An L{IPolicyMaker} that calls a class.

    @ivar name: What C{--policy} calls it.
    @ivar description: One line for the help text.
    @ivar factory: Called with the arguments given, converted; it raises L{ValueError}
        if they make no sense together.
    @ivar parameters: For each argument that C{factory} takes, what converts its text;
        it raises L{ValueError} for a bad one.
    @ivar required: Which of them must be given, each with what it may be:
        C{"by=host|path"}.
    """

    name: str
    description: str
    factory: Callable[..., ISchedulingPolicy | None]
    parameters: Mapping[str, Callable[[str], object]] = Factory(dict)
    required: Sequence[str] = ()

    def makePolicy(self, arguments: Mapping[str, str]) -> ISchedulingPolicy | None:
        given = {}
        for name, text in arguments.items():
            if name not in self.parameters:
                known = ", ".join(sorted(self.parameters)) or "none"
                raise PolicyArgumentError(
                    f"policy {self.name} has no argument {name!r}; it takes: {known}"
                )
            try:
                given[name] = self.parameters[name](text)
            except ValueError as error:
                raise PolicyArgumentError(
                    f"policy {self.name}, argument {name}={text}: {error}"
                ) from None
        for usage in self.required:
            if usage.partition("=")[0] not in given:
                raise PolicyArgumentError(f"policy {self.name} needs {usage}")
        try:
            return self.factory(**given)
        except ValueError as error:
            raise PolicyArgumentError(f"policy {self.name}: {error}") from None


def noPolicy() -> None:
    """
    Leave the choice to the kernel.
    """
