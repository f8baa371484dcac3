"""
What the kernel says of sockets.
"""

from __future__ import annotations

import errno
import os
import socket
import sys

import pytest

from twisted_cluster.wire.diagnosis import LISTEN, told, waitingAt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells")


def test_thatItDoesNotTellIsNoAnswer() -> None:
    """
    Nobody waits, and nobody knows who waits, are two things.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert list(waitingAt(socket.AF_INET, port).values()) == [0]
        why = "|".join(map(os.strerror, (errno.ENOENT, errno.EINVAL)))
        with pytest.raises(OSError, match=why):
            list(told(250, LISTEN, port))
