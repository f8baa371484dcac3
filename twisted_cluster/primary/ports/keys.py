"""
Which listens are of one listener.
"""

from __future__ import annotations

import os

from attrs import evolve

from twisted_cluster.events import UNIX, ListenSpec
from twisted_cluster.primary.ports.binding import fullPath

Key = tuple[ListenSpec, int]


def keyOf(spec: ListenSpec, ordinal: int, directory: str) -> Key:
    """
    @param ordinal: Which of its kind it is to who asks, from 0.
    @param directory: What a path is relative to.
    @return: What is the same for all who mean one listener.
    """
    if spec.fd is not None:
        return ListenSpec(spec.kind, fd=spec.fd), 0
    if spec.kind == UNIX and not spec.path.startswith("\0"):
        spec = evolve(spec, path=os.path.normpath(fullPath(spec.path, directory)))
    if spec.interface == "0.0.0.0":
        spec = evolve(spec, interface="")
    if spec.port != 0:
        # A number says enough.
        spec = evolve(spec, name="")
    return spec, ordinal if isNth(spec) else 0


def isNth(spec: ListenSpec) -> bool:
    """
    Whether only the order in which they came tells two of these apart.
    """
    isAnyPort = spec.port == 0 and spec.kind != UNIX
    return isAnyPort and spec.fd is None and not spec.name
