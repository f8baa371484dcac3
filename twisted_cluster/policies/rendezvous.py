"""
Whose a key is.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from twisted_cluster.interfaces import IWorkerLoad

_ALL = (1 << 64) - 1


def digest(key: bytes) -> int:
    """
    64 bits that stand for a key, however long it is.
    """
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big")


def owner(hashed: int, workers: Sequence[IWorkerLoad]) -> IWorkerLoad:
    """
    The worker that a key belongs to: each has the same share of all keys, and only the
    keys of one that leaves go to others.

    @param hashed: A L{digest}.
    @see: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998.
    """
    return max(workers, key=lambda worker: _score(hashed, worker.number))


def _score(hashed: int, number: int) -> int:
    # The finalizer of splitmix64.
    mixed = (hashed + number * 0x9E3779B97F4A7C15) & _ALL
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _ALL
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _ALL
    return mixed ^ (mixed >> 31)
