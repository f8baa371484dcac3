"""
Applications that give a connection to another process, and never say that it has ended.
"""

from __future__ import annotations

import os
import pwd
import re
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process.cluster import RunningCluster, Stock, eventually, freePort

pytestmark = pytest.mark.process


def _connected(port: int, stack: ExitStack) -> socket.socket:
    """
    A client of whoever repeats what is sent, as soon as there is one.
    """
    made: list[socket.socket] = []

    def connect() -> bool:
        try:
            made.append(socket.create_connection(("127.0.0.1", port), 5.0))
        except OSError:
            return False
        return True

    eventually(connect, "somebody listens")
    client = stack.enter_context(made[0])
    client.sendall(b"there")
    assert client.recv(100) == b"there"
    return client


@pytest.mark.parametrize("kind", [Stock, RunningCluster])
def test_inetd(tmp_path: Path, kind: type[RunningCluster]) -> None:
    """
    The programs that it has started serve on, and hold up no end.
    """
    port, user = freePort(), pwd.getpwuid(os.getuid()).pw_name
    (tmp_path / "conf").write_text(f"{port} stream tcp nowait {user} /bin/cat -\n")
    workers = ["--workers=1"] if kind is RunningCluster else []
    arguments = [*workers, "inetd", "--file=conf"]
    with kind(arguments, tmp_path) as server, ExitStack() as stack:
        clients = [_connected(port, stack) for _ in range(3)]
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        server.wait()
        assert time.monotonic() - began < 10
        for client in clients:
            client.sendall(b"again")
            assert client.recv(100) == b"again"
        said = server.output().replace("nothing was cut", "")
        assert not re.search("(are|was|were) cut", said)
        # They have the session's number, and are no leftovers before they have ended.
        stack.close()
