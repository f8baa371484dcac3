"""
What a template is asked for: one worker.

A template (L{twisted_cluster.worker.warm.template}) is a worker that has not been told
which one it is. It reads C{SOCK_SEQPACKET} messages, each L{ORDER} with descriptors: a
file in memory with the order, a socket for the answer, the directory where the worker is
to run, and what the worker is to have. The worker answers by itself, so that the kernel
says which process it is: L{READY}, or why it cannot be. It begins when it is told
L{BEGIN}, and ends when it is not.
"""

from __future__ import annotations

import marshal
import os
import resource
from collections.abc import Mapping, Sequence

from attrs import astuple, frozen

# Says by which descriptor orders come, whose C{main} workers run, and what is imported.
VARIABLE = "TWISTED_CLUSTER_TEMPLATE"
ORDER = b"a worker"
READY = b"ready"
BEGIN = b"begin"
# What comes before the descriptors that the worker is to have.
TEXT, ANSWER, PLACE = range(3)
KEPT = 3
# As many descriptors as Linux lets pass with one message, and the longest answer.
MOST_DESCRIPTORS = 253
LONGEST = 4096
LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


@frozen
class Order:
    """
    @ivar main: The module whose C{main} it is to run.
    @ivar argv: The whole command that would have started it.
    @ivar given: How many of these, from the end, are arguments of C{main}.
    @ivar environment: All of its environment.
    @ivar numbers: Of the descriptors that it is to have, as they are sent.
    @ivar umask: The process's that asks.
    @ivar limits: The same process's, soft and hard, by C{RLIMIT_} number.
    @ivar hasOwnSession: Whether it leaves the session of the template.
    """

    main: str
    argv: Sequence[bytes]
    given: int
    environment: Mapping[bytes, bytes]
    numbers: Sequence[int]
    umask: int
    limits: Mapping[int, tuple[int, int]]
    hasOwnSession: bool

    def dumps(self) -> bytes:
        """
        As one text.
        """
        return marshal.dumps(astuple(self, recurse=False))

    @classmethod
    def loads(cls, data: bytes) -> Order:
        """
        @param data: From L{dumps}, of the same Python.
        """
        return cls(*marshal.loads(data))


def currentUmask() -> int:
    """
    This process's. What another thread makes in just this moment is nobody else's.
    """
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
