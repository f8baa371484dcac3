"""
Which ports have programs that take a while to load.
"""

from __future__ import annotations

from twisted_cluster.primary.ports.loads import AT_ONCE, MOST, RATE, Loads


def test_fewAtOnce() -> None:
    """
    Whatever is opened and closed.
    """
    loads = Loads()
    took = 0
    for port in range(100):
        took += loads.takes(port, 5.0)
        loads.leave(port)
    assert took == AT_ONCE
    assert loads.takes(100, 6.0 + 1 / RATE)


def test_notTooMany() -> None:
    """
    Until one of them is closed.
    """
    loads = Loads()
    took = [loads.takes(port, port / RATE) for port in range(1, 2 * MOST)]
    assert sum(took) == MOST
    loads.leave(1)
    assert loads.takes(99, 99 / RATE)
