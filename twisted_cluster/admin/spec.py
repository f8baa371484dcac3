"""
What a control socket is to be.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class ControlSpec:
    """
    @ivar path: Absolute; empty: in the runtime directory, called after the pid file.
    @ivar pidfile: The pid file, relative to where the process runs; empty if there is
        none: it is called after the process's number.
    @ivar owner: The uid that the process will have; L{None}: as now.
    """

    path: str = ""
    pidfile: str = ""
    owner: int | None = None
