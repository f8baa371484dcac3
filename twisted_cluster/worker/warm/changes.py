"""
What an application changes in its process while it is imported.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Mapping

from attrs import frozen

from twisted_cluster.wire.order import LIMITS, currentUmask


@frozen
class Changes:
    """
    In its environment, which each fork has from the primary.

    @ivar variables: By name what it has set; L{None}: it has removed that.
    """

    variables: Mapping[bytes, bytes | None]

    @classmethod
    def since(cls, before: Mapping[bytes, bytes]) -> Changes:
        """
        @param before: The environment that there was.
        @return: What is otherwise now.
        """
        names = {*before, *os.environb}
        now = {name: os.environb.get(name) for name in names}
        return cls({name: now[name] for name in names if now[name] != before.get(name)})

    def repeat(self) -> None:
        """
        Make them in this process.
        """
        for name, value in self.variables.items():
            if value is None:
                os.environb.pop(name, None)
            else:
                os.environb[name] = value


def handedOn() -> Mapping[str, object]:
    """
    What else each fork has from the primary, by what it is called.
    """
    here = os.stat(os.curdir)
    return {
        "the working directory": (here.st_dev, here.st_ino),
        "the umask": currentUmask(),
        "limits": {number: resource.getrlimit(number) for number in LIMITS},
        "blocked signals": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
    }
