"""
What a worker says of itself.
"""

from __future__ import annotations

from typing import Protocol


class Counters(Protocol):
    """
    What a worker says of itself; see L{twisted_cluster.wire.page}.
    """

    waiting: int

    @property
    def heartbeat(self) -> int: ...
    @property
    def taken(self) -> int: ...
    @property
    def opened(self) -> int: ...
    @property
    def closed(self) -> int: ...
    @property
    def lag(self) -> int: ...
    @property
    def headroom(self) -> int: ...
    @property
    def counted(self) -> int: ...
    @property
    def born(self) -> int: ...
    @property
    def cpu(self) -> int: ...
    @property
    def rss(self) -> int: ...
    @property
    def held(self) -> int: ...
