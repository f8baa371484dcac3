"""
What a listener may hand to this worker, where that is limited.
"""

from __future__ import annotations

from attrs import define


@define
class Meter:
    """
    What a listener has given this worker of what the worker is willing to be given.
    Both numbers only grow, and outlive the port: it may be opened again.

    @ivar received: Connections that came with a mark.
    @ivar told: What the primary knows the worker to be willing to take, in all.
    """

    received: int = 0
    told: int | None = None

    def isNews(self, willing: int | None, limit: int) -> bool:
        """
        Whether the primary has to know.

        @param limit: The port's. The primary need not know of each connection that has
            ended, while it can still give half of what the port can serve.
        """
        if willing is None or self.told is None or willing < self.told:
            return willing != self.told
        return willing > self.told and self.told - self.received <= limit // 2
