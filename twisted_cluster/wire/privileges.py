"""
Privileges that a process gives up for good, for itself and for all that it starts.
"""

from __future__ import annotations

from twisted_cluster.errors import StartError
from twisted_cluster.wire.libc import prctl

# As <linux/prctl.h> has them.
_SET_NO_NEW_PRIVS, _GET_NO_NEW_PRIVS = 38, 39


def canRenounce() -> bool:
    """
    @return: Whether this platform knows it.
    """
    try:
        return prctl(_GET_NO_NEW_PRIVS) >= 0
    except (ImportError, OSError, AttributeError):
        return False


def renounce() -> None:
    """
    From now on nothing that this process or one of its children executes gives it more
    than it has: no program's owner (setuid), group or capabilities. To be called before
    there are threads, each of which would have to.

    @raise StartError: If the system does not let us.
    @see: prctl(2), PR_SET_NO_NEW_PRIVS.
    """
    try:
        prctl(_SET_NO_NEW_PRIVS, 1)
    except (ImportError, OSError, AttributeError) as error:
        why = f"this worker was to have no new privileges: {error}"
        raise StartError(why) from None
