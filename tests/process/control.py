"""
Control sockets, and the command that asks there, for tests.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.process.cluster import environment

# The command needs it; an environment of old packages may not have it.
pytest.importorskip("click")
CTL = (sys.executable, "-m", "twisted_cluster.ctl")


@contextmanager
def shortDirectory() -> Iterator[Path]:
    """
    A directory whose name is short enough for a socket in it.
    """
    with tempfile.TemporaryDirectory(prefix="c") as short:
        yield Path(short)


def ctl(
    *arguments: str,
    directory: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 30.0,
) -> subprocess.CompletedProcess[str]:
    """
    C{twisted-cluster}, until it has ended.
    """
    return subprocess.run(
        [*CTL, *arguments],
        cwd=directory,
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def request(path: Path, head: str, timeout: float = 10.0) -> tuple[int, bytes]:
    """
    @param head: Such as C{"GET /status"}.
    @return: The status and the body of the answer.
    """
    with connect(path, timeout) as client:
        client.sendall(f"{head} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    status, _, body = answer.partition(b"\r\n\r\n")
    return int(status.split()[1]), body


def connect(path: Path, timeout: float = 10.0) -> socket.socket:
    """
    A connection to a control socket.
    """
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(timeout)
    client.connect(str(path))
    return client


def status(path: Path) -> dict[str, Any]:
    """
    What a cluster says of itself.
    """
    code, body = request(path, "GET /status")
    assert code == 200, body
    said: dict[str, Any] = json.loads(body)
    return said
