"""
Ends a stop of the reactor that does not end by itself.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorCore


def endStop(reactor: IReactorCore) -> None:
    """
    Go on with the reactor's stop, whatever what is called before it waits for: its
    connections are cut, its threads end, and it returns.

    @param reactor: One that has been told to stop.
    """
    # There is no public way; crash() would leave threads for which the process waits.
    event = reactor._eventTriggers["shutdown"]  # type: ignore[attr-defined]
    event._continueFiring(None)
