"""
Ports that the primary itself binds for its workers, as whom it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

from twisted_cluster.errors import ConfigError
from twisted_cluster.events import ListenSpec
from twisted_cluster.listening import ACCEPTED, parseListens
from twisted_cluster.primary.ports.listener import Listener
from twisted_cluster.primary.ports.table import ListenerTable

Listens = Union[str, Sequence[str], None]


class Held:
    """
    What is said of them last is what there is.
    """

    def __init__(self, table: ListenerTable) -> None:
        """
        @param table: Holds them.
        """
        self._table = table
        # Where any port will do, several are asked for with the same words.
        self._listeners: dict[tuple[ListenSpec, int], Listener] = {}

    def hold(self, listen: Listens) -> None:
        """
        Bind what is not bound yet, and let go of what is not wanted any more; that is
        closed when no worker listens there.

        @param listen: Endpoint descriptions.
        @raise OSError: If one cannot be bound; then none is that was not before. Its
            C{filename} is what was to be listened on.
        """
        specs = specsOf(listen)
        wanted = [(spec, specs[:place].count(spec)) for place, spec in enumerate(specs)]
        for each in set(self._listeners).difference(wanted):
            self._table.letGo(self._listeners.pop(each))
        missing = [each for each in wanted if each not in self._listeners]
        try:
            for each in missing:
                self._listeners[each] = self._table.hold(each[0])
        except BaseException:
            for each in missing:
                if each in self._listeners:
                    self._table.letGo(self._listeners.pop(each))
            raise


def specsOf(listen: Listens) -> Sequence[ListenSpec]:
    """
    @return: What is to be bound.
    @raise ConfigError: If that is malformed, or only a worker can make sense of it.
    """
    given = [listen] if isinstance(listen, str) else list(listen or ())
    specs = parseListens(given)
    if len(specs) < len(given):
        raise ConfigError("listen", listen, f"one is bound by workers alone; {ACCEPTED}")
    return specs
