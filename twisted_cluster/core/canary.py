"""
How new workers fare beside those before them.
"""

from __future__ import annotations

from attrs import frozen

from twisted_cluster.core.words import several

# Twice as many errors may be chance; a loop that is late by less than this is in time.
WORSE = 2.0
LATE = 50.0


@frozen
class Health:
    """
    What became of some workers in a while.

    @ivar workers: How many there were.
    @ivar connections: How many they have served.
    @ivar deaths: How many of them ended that were not to.
    @ivar errors: How many errors they have logged.
    @ivar lag: How late at least half of their event loops were, on average, in
        milliseconds.
    """

    workers: int
    connections: int = 0
    deaths: int = 0
    errors: int = 0
    lag: float = 0.0

    @property
    def errorsEach(self) -> float:
        """
        Errors for each connection; of who has served none, for one.
        """
        return self.errors / max(1, self.connections)

    def inWords(self) -> str:
        """
        All the numbers.
        """
        return (
            f"{several(self.workers, 'worker')}, "
            f"{several(self.connections, 'connection')}, "
            f"{several(self.deaths, 'death')}, "
            f"{several(self.errors, 'error')}, "
            f"{self.lag:.1f} ms late"
        )


def verdict(canary: Health, others: Health) -> str:
    """
    @return: What is worse with new workers; C{""}: nothing is.
    """
    if canary.deaths * max(1, others.workers) > others.deaths * max(1, canary.workers):
        return f"{several(canary.deaths, 'death')} of {several(canary.workers, 'worker')}"
    if canary.errorsEach > WORSE * others.errorsEach:
        return f"{canary.errorsEach:.2g} errors a connection, not {others.errorsEach:.2g}"
    if canary.lag > max(LATE, WORSE * others.lag):
        return f"its event loop is {canary.lag:.0f} ms late, not {others.lag:.0f}"
    return ""
